/**
 * The unit for a plain host with the executable.
 *
 * @module
 */
import {
  DOCUMENTATION,
  type LeavingRule,
  MAX_DESCRIPTORS,
  MAX_MEMORY_MIB,
  OOM_SCORE,
  restartLines,
} from "./unit_settings.ts";

/** Where the executable stands. */
const EXECUTABLE = "/usr/local/bin/c2s-imds";

/**
 * Makes the unit, with as few rights as the program can do with. Memory that
 * is written and then executed stays allowed, because V8 compiles so.
 *
 * @param serve the program's arguments, the subcommand included
 * @param leaving what they make of the rule at the end
 */
export function hostUnit(
  serve: readonly string[],
  leaving: LeavingRule,
): string {
  return `[Unit]
Description=Shows the emulated region on this host (c2s-imds)
${DOCUMENTATION}
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Type=exec
# iptables' legacy backend keeps its lock there.
ExecStartPre=+/usr/bin/touch /run/xtables.lock
ExecStart=${EXECUTABLE} ${serve.join(" ")}
ExecReload=/bin/kill -HUP $MAINPID
KillMode=mixed
TimeoutStopSec=20
${
    restartLines(leaving, `${EXECUTABLE} iptables remove`)
  }LimitNOFILE=${MAX_DESCRIPTORS}
# At the limit the kernel kills the child; the parent, and the rule, stay.
MemoryMax=${MAX_MEMORY_MIB}M
OOMPolicy=continue
OOMScoreAdjust=${OOM_SCORE}

# NET_RAW is for iptables' legacy backend.
CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_RAW CAP_SETUID CAP_SETGID CAP_KILL
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths=-/run/xtables.lock
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
UMask=0077

[Install]
WantedBy=multi-user.target
`;
}

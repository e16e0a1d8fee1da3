// Harness is what surrounds the contestants of the bench: a metadata service
// and its clients, each one thread over epoll, so that neither is what is
// measured.
//
//	harness serve ADDRESS:PORT DELAY close|keep
//	harness load [flags] ADDRESS:PORT...
//
// The service answers as EC2's does: the delay after the request, with its
// header fields, and it closes each connection unless told to keep them.
// `load` prints one result in JSON for each address; its flags say how it asks.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// What is asked for: a region, or an identity document; the latter is served with 600 bytes.
const (
	region   = "us-east-1"
	emulated = "us-iso-east-1"
	document = `{
  "accountId": "123456789012",
  "architecture": "x86_64",
  "availabilityZone": "us-east-1b",
  "billingProducts": null,
  "devpayProductCodes": null,
  "marketplaceProductCodes": null,
  "imageId": "ami-0abcdef1234567890",
  "instanceId": "i-0123456789abcdef0",
  "instanceType": "m5.2xlarge",
  "kernelId": null,
  "pendingTime": "2024-05-06T07:08:09Z",
  "privateIp": "10.0.12.34",
  "ramdiskId": null,
  "region": "us-east-1",
  "version": "2017-09-30"
}`
)

// No answer may take longer, and no start.
const (
	giveUp   = 10 * time.Second
	patience = 30 * time.Second
)

// Prints how many requests the service had; not one of them itself.
const counter = "/requests"

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func now() int64 { return time.Now().UnixNano() }

// An epoll set; each descriptor reports itself.
type poll struct {
	fd     int
	events [512]syscall.EpollEvent
}

func newPoll() *poll { return &poll{fd: must(syscall.EpollCreate1(0))} }

func (p *poll) add(fd int, events uint32) {
	event := syscall.EpollEvent{Events: events, Fd: int32(fd)}
	if err := syscall.EpollCtl(p.fd, syscall.EPOLL_CTL_ADD, fd, &event); err != nil {
		log.Fatal(err)
	}
}

// Waits; epoll_wait itself knows whole milliseconds only.
func (p *poll) wait(timeout time.Duration) []syscall.EpollEvent {
	const epollPwait2 = 441
	limit := syscall.NsecToTimespec(max(int64(timeout), 0))
	n, _, _ := syscall.Syscall6(epollPwait2, uintptr(p.fd),
		uintptr(unsafe.Pointer(&p.events[0])), uintptr(len(p.events)),
		uintptr(unsafe.Pointer(&limit)), 0, 0)
	if int(n) < 0 {
		return nil
	}
	return p.events[:n]
}

func socket(address string) (int, syscall.Sockaddr) {
	at := must(netip.ParseAddrPort(address))
	const kind = syscall.SOCK_STREAM | syscall.SOCK_NONBLOCK | syscall.SOCK_CLOEXEC
	fd := must(syscall.Socket(syscall.AF_INET, kind, 0))
	return fd, &syscall.SockaddrInet4{Addr: at.Addr().As4(), Port: int(at.Port())}
}

// Whether a head says that the connection ends with it.
func closes(head []byte) bool {
	return bytes.Contains(bytes.ToLower(head), []byte("\r\nconnection: close"))
}

// What was measured at one address; times in seconds.
type result struct {
	Failed  int       `json:"failed"`
	Seconds float64   `json:"seconds"`
	P50     float64   `json:"p50"`
	P99     float64   `json:"p99"`
	Max     float64   `json:"max"`
	Up      int       `json:"up"`  // how often the service was asked meanwhile
	CPU     []float64 `json:"cpu"` // of each process of -pids
	Own     float64   `json:"own"` // of the clients
	At      float64   `json:"at"`  // the end, since 1970

	latencies []int64
}

// The processor time of all threads of a process, by the scheduler's account.
func cpu(pid string) float64 {
	sum := 0.0
	for _, file := range must(filepath.Glob("/proc/" + pid + "/task/*/schedstat")) {
		text, err := os.ReadFile(file)
		if err == nil {
			first, _, _ := strings.Cut(string(text), " ")
			sum += must(strconv.ParseFloat(first, 64)) / 1e9
		}
	}
	return sum
}

func usage(pids []string) []float64 {
	used := []float64{}
	for _, pid := range pids {
		used = append(used, cpu(pid))
	}
	return used
}

func (r *result) finish() {
	slices.Sort(r.latencies)
	part := func(share float64) float64 {
		if len(r.latencies) == 0 {
			return 0
		}
		last := float64(len(r.latencies) - 1)
		return float64(r.latencies[int(share*last)]) / 1e9
	}
	r.P50, r.P99, r.Max = part(0.5), part(0.99), part(1)
}

func main() {
	runtime.GOMAXPROCS(1)
	runtime.LockOSThread()
	if len(os.Args) == 5 && os.Args[1] == "serve" {
		serve(os.Args[2], must(time.ParseDuration(os.Args[3])), os.Args[4] == "keep")
	}
	flags := flag.NewFlagSet("load", flag.ExitOnError)
	l := load{poll: newPoll(), byFd: map[int]*client{}}
	flags.IntVar(&l.requests, "n", 1, "requests")
	flags.IntVar(&l.clients, "c", 1, "clients at one time")
	flags.BoolVar(&l.fresh, "fresh", false, "a connection for each request")
	flags.BoolVar(&l.each, "each", false, "the same number of requests for each client")
	flags.BoolVar(&l.first, "first", false, "one each -every, until an answer is right")
	flags.StringVar(&l.service, "service", "", "the address whose answers name the real region")
	flags.BoolVar(&l.count, "count", false, "ask the service how many requests it had")
	targets := flags.String("targets", "/latest/dynamic/instance-identity/document",
		"what clients ask for, in turn")
	pids := flags.String("pids", "", "whose processor time is counted")
	rounds := flags.Int("rounds", 1, "how often, at each address in turn")
	flags.DurationVar(&l.every, "every", time.Millisecond, "the time from round to round")
	hold := flags.Bool("hold", false, "stay connected after that, until killed")
	flags.Parse(os.Args[2:])
	l.targets = strings.Split(*targets, ",")
	measured := strings.FieldsFunc(*pids, func(r rune) bool { return r == ',' })
	results := make([]*result, flags.NArg())
	own := strconv.Itoa(os.Getpid())
	start := time.Now()
	for round := range *rounds {
		time.Sleep(time.Until(start.Add(time.Duration(round) * l.every)))
		for i, address := range flags.Args() {
			if round == 0 {
				results[i] = &result{CPU: make([]float64, len(measured))}
			}
			r := results[i]
			r.Up -= l.served()
			mine, before, began := cpu(own), usage(measured), now()
			l.run(address, r)
			r.Seconds += float64(now()-began) / 1e9
			for i, used := range usage(measured) {
				r.CPU[i] += used - before[i]
			}
			r.Own += cpu(own) - mine
			r.Up += l.served()
			r.At = float64(now()) / 1e9
		}
	}
	for _, r := range results {
		r.finish()
	}
	fmt.Println(string(must(json.Marshal(results))))
	if *hold {
		time.Sleep(time.Hour)
	}
}

// The judges of the manifests, in one program: what the API server says to an
// object before it stores it, what kustomize builds, and how machine configs
// become one. Each is the code that a cluster runs.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	ignition "github.com/coreos/ignition/v2/config/v3_4"
	"github.com/coreos/ignition/v2/config/v3_4/types"
	mcfgv1 "github.com/openshift/api/machineconfiguration/v1"
	_ "github.com/prometheus-operator/prometheus-operator/pkg/versionutil"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

func main() {
	judges := map[string]func(args []string) error{
		"create":    create,
		"kustomize": kustomize,
		"render":    render,
	}
	if err := judges[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// kustomize prints what a folder builds, as apply -k would send it.
func kustomize(args []string) error {
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).
		Run(filesys.MakeFsOnDisk(), args[0])
	if err != nil {
		return err
	}
	text, err := built.AsYaml()
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(text)
	return err
}

// render merges the Ignition configs of a pool's machine configs by the code
// that the machine-config operator calls, and refuses what it would refuse.
func render([]string) error {
	var configs []mcfgv1.MachineConfig
	if err := json.NewDecoder(os.Stdin).Decode(&configs); err != nil {
		return err
	}
	merged := types.Config{Ignition: types.Ignition{Version: types.MaxVersion.String()}}
	for _, config := range configs {
		parsed, report, err := ignition.ParseCompatibleVersion(config.Spec.Config.Raw)
		if err != nil || len(report.Entries) > 0 {
			return fmt.Errorf("%s: %w %s", config.Name, err, report)
		}
		merged = ignition.Merge(merged, parsed)
	}
	return json.NewEncoder(os.Stdout).Encode(merged)
}

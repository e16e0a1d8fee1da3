// What the machine-config operator makes of the machine configs of a pool, by
// its own code: it refuses what it refuses, and merges the rest.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	mcfgv1 "github.com/openshift/api/machineconfiguration/v1"
	"github.com/openshift/machine-config-operator/pkg/controller/common"
)

func main() {
	if err := render(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func render() error {
	var configs []*mcfgv1.MachineConfig
	if err := json.NewDecoder(os.Stdin).Decode(&configs); err != nil {
		return err
	}
	for _, config := range configs {
		if err := common.ValidateMachineConfig(config.Spec); err != nil {
			return fmt.Errorf("%s: %w", config.Name, err)
		}
	}
	merged, err := common.MergeMachineConfigs(configs, &mcfgv1.ControllerConfig{})
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(merged)
}

// What the API server says to an object before it stores it, and what kustomize
// builds, by their own code.
package main

import (
	"fmt"
	"os"

	_ "github.com/prometheus-operator/prometheus-operator/pkg/versionutil"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

func main() {
	judges := map[string]func(args []string) error{
		"create":    create,
		"kustomize": kustomize,
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

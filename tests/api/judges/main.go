// What the API server says to an object before it stores it, what kustomize
// builds, and what GitHub makes of a workflow, by their own code or by one that
// knows theirs.
package main

import (
	"fmt"
	"os"

	_ "github.com/prometheus-operator/prometheus-operator/pkg/versionutil"
	"github.com/rhysd/actionlint"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

func main() {
	judges := map[string]func(args []string) error{
		"create":    create,
		"kustomize": kustomize,
		"workflows": workflows,
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

// workflows prints what is wrong with files of GitHub Actions.
func workflows(files []string) error {
	linter, err := actionlint.NewLinter(os.Stderr, &actionlint.LinterOptions{})
	if err != nil {
		return err
	}
	found, err := linter.LintFiles(files, nil)
	if err == nil && len(found) > 0 {
		err = fmt.Errorf("%d errors", len(found))
	}
	return err
}

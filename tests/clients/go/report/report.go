// Package report prints what a client was told, as every client here does.
package report

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
)

// Question is what a client asks for.
type Question struct {
	Name string
	Ask  func() (any, error)
}

// Credentials are those of the instance's role.
type Credentials struct {
	AccessKey string `json:"access_key"`
	SecretKey string `json:"secret_key"`
	Token     string `json:"token"`
}

// Print asks one question after the other, or those alone that the command
// line names, and prints the answers as one JSON document. An answer that is an error is its status, or why there is none:
// messages hold addresses, and those differ.
func Print(statusOf func(error) int, questions []Question) {
	answers := map[string]any{}
	for _, question := range questions {
		if len(os.Args) > 1 && !slices.Contains(os.Args[1:], question.Name) {
			continue
		}
		answer, err := question.Ask()
		if err != nil {
			status := statusOf(err)
			answer = map[string]any{"status": status}
			if status == 0 {
				os.Stderr.WriteString(question.Name + ": " + err.Error() + "\n")
			}
		} else if bytes, ok := answer.([]byte); ok {
			answer = hex.EncodeToString(bytes)
		}
		answers[question.Name] = answer
	}
	if err := json.NewEncoder(os.Stdout).Encode(answers); err != nil {
		panic(err)
	}
}

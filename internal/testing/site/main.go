// Site prepares and checks the static site of docs/ and of the packages'
// documentation, which .ci/site builds with VitePress:
//
//	site stage FOLDER    writes FOLDER/pages and FOLDER/sidebar.json
//	site check FOLDER    checks every link of the pages in FOLDER/html
//
// It runs in the root of the repository.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

const (
	module     = "github.com/go-guard/guard"
	repository = "https://" + module
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "site:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("want: site stage FOLDER, or site check FOLDER")
	}
	switch command, folder := args[0], args[1]; command {
	case "stage":
		packages, err := load(".")
		if err != nil {
			return err
		}
		return stage(".", folder, packages)
	case "check":
		report, err := check(".", filepath.Join(folder, "html"))
		if err != nil {
			return err
		}
		fmt.Println(report)
		return nil
	default:
		return fmt.Errorf("no such command: %q", command)
	}
}

//go:build tools

// Package tools pins the Temporal CLI, so that its version and every module under it are checked against go.sum.
package tools

import _ "github.com/temporalio/cli/cmd/temporal"

package about

import "spanmill.dev/sdk"

//go:wasmexport spanmill:plugin/about@0.1.0#describe
func describe() uint32 { return spanmill.Guest.Describe(description) }

package router

import "spanmill.dev/sdk"

//go:wasmexport spanmill:plugin/router@0.1.0#configure
func configure(settings, length, signal, pipelines, pipelineCount uint32) uint32 {
	return spanmill.Guest.ConfigureRouter(plugin(), settings, length, signal, pipelines, pipelineCount)
}

//go:wasmexport spanmill:plugin/router@0.1.0#process
func process(signal uint32, received uint64, ends, endCount, bytes, byteCount, tables, tableCount uint32) uint32 {
	return spanmill.Guest.Route(&spanmill.Lowered{Signal: signal, Received: received, Ends: ends, EndCount: endCount, Bytes: bytes, ByteCount: byteCount, Tables: tables, TableCount: tableCount})
}

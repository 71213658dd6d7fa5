package processor

import "spanmill.dev/sdk"

//go:wasmexport spanmill:plugin/processor@0.1.0#configure
func configure(settings, length uint32) uint32 {
	return spanmill.Guest.ConfigureProcessor(plugin(), settings, length)
}

//go:wasmexport spanmill:plugin/processor@0.1.0#process
func process(signal uint32, received uint64, ends, endCount, bytes, byteCount, tables, tableCount uint32) uint32 {
	return spanmill.Guest.Process(&spanmill.Lowered{Signal: signal, Received: received, Ends: ends, EndCount: endCount, Bytes: bytes, ByteCount: byteCount, Tables: tables, TableCount: tableCount})
}

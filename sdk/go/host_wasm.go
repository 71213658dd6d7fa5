package spanmill

import (
	"runtime"
	"strconv"
	"strings"
	"unsafe"
)

//go:wasmimport spanmill:plugin/log@0.1.0 log
func importLog(level uint32, message unsafe.Pointer, length uint32)

//go:wasmimport spanmill:plugin/counters@0.1.0 count
func importCount(name unsafe.Pointer, length uint32, delta uint64)

//go:wasmimport wasi_snapshot_preview1 proc_exit
func exit(code uint32)

func hostLog(level Level, message string) {
	message = strings.ToValidUTF8(message, "?")
	importLog(uint32(level), unsafe.Pointer(unsafe.StringData(message)), uint32(len(message)))
	runtime.KeepAlive(message)
}

func hostCount(name string, delta uint64) {
	importCount(unsafe.Pointer(unsafe.StringData(name)), uint32(len(name)), delta)
	runtime.KeepAlive(name)
}

// Fail is deferred by every exported function: it tells a panic in one log line, from where it came on down, and ends the
// instance. Go's own trace would take more lines than the host keeps of a second.
func fail() {
	cause := recover()
	if cause == nil {
		return
	}
	var text strings.Builder
	text.WriteString("panic: ")
	switch cause := cause.(type) {
	case error:
		text.WriteString(cause.Error())
	case string:
		text.WriteString(cause)
	default:
		text.WriteString("of a type that is no text")
	}
	var callers [32]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(2, callers[:])])
	for {
		frame, more := frames.Next()
		if !strings.HasPrefix(frame.Function, "runtime.") && frame.File != "" {
			text.WriteString("; at " + frame.Function + " (" + shortened(frame.File) + ":" + strconv.Itoa(frame.Line) + ")")
		}
		if !more {
			break
		}
	}
	hostLog(LevelError, text.String())
	exit(2)
}

// The last two parts of a path: what is before tells about the machine it was built on.
func shortened(file string) string {
	if at := strings.LastIndexByte(file, '/'); at >= 0 {
		if before := strings.LastIndexByte(file[:at], '/'); before >= 0 {
			return file[before+1:]
		}
	}
	return file
}

package spanmill

// Level is how much a log line matters.
type Level uint8

// The levels.
const (
	LevelDebug Level = iota
	LevelInfo
	LevelWarn
	LevelError
)

// Debug writes a line to the host's log. The host keeps at most ten a second, and 2 KiB of each. No attribute value may
// stand in it.
func Debug(message string) { hostLog(LevelDebug, message) }

// Info writes a line to the host's log, as Debug does.
func Info(message string) { hostLog(LevelInfo, message) }

// Warn writes a line to the host's log, as Debug does.
func Warn(message string) { hostLog(LevelWarn, message) }

// Error writes a line to the host's log, as Debug does.
func Error(message string) { hostLog(LevelError, message) }

// Package about exports what a plugin says of itself.
package about

import "spanmill.dev/sdk"

var description spanmill.About

// Register says what the plugin is. Call it from an init function.
func Register(about spanmill.About) { description = about }

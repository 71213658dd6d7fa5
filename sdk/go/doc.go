// Package spanmill is what a plugin for Spanmill is written with in Go.
//
// A plugin declares the signals it takes and the fields it reads and writes, gets those fields as columns (one packed list
// a field and batch), and answers with verdicts and edits. What it does not touch leaves byte for byte as it came, and what it
// did not declare it never sees.
//
// A plugin is a type that implements [Processor], [Connector], [RecordConnector] or [Router], and [State] and [Ticker]
// if it likes. The package of the same name registers it and exports that interface from the component, so a plugin imports
// just those that it has. Package spanmilltest runs a plugin natively in a test.
package spanmill

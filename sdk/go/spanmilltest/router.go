package spanmilltest

import (
	"math/bits"
	"testing"

	"spanmill.dev/sdk"
)

// A RouterKit is a configured router under test.
type RouterKit struct {
	calls
	t         testing.TB
	plugin    spanmill.Router
	contract  *spanmill.Contract
	pipelines spanmill.Pipelines
}

// NewRouter configures a router for the pipelines of a signal, which must succeed.
func NewRouter(t testing.TB, plugin spanmill.Router, settings string, signal spanmill.Signal, pipelines ...string) *RouterKit {
	t.Helper()
	kit := &RouterKit{t: t, plugin: plugin, contract: spanmill.NewContract(signal), pipelines: spanmill.Pipelines{Signal: signal, Names: pipelines}}
	kit.listen()
	if err := plugin.Configure(spanmill.Settings(settings), kit.pipelines, kit.contract); err != nil {
		t.Fatalf("configure: %v", err)
	}
	return kit
}

// Run runs a batch, and gives what each pipeline was sent.
func (k *RouterKit) Run(telemetry *Telemetry) map[string]*Telemetry {
	k.t.Helper()
	k.listen()
	loaded := load(telemetry, k.contract.Declared())
	context, sets, err := spanmill.RunRouter(k.plugin, loaded.batch)
	if err != nil {
		k.t.Fatalf("process: %v", err)
	}
	count := len(telemetry.Rows(context))
	if len(sets) != 1 && len(sets) != count {
		k.t.Fatalf("%d answers for %d rows", len(sets), count)
	}
	sent := map[string]*Telemetry{}
	for at, name := range k.pipelines.Names {
		copied := telemetry.clone()
		out := map[*Record]bool{}
		for row, record := range copied.Rows(context) {
			set := sets[0]
			if len(sets) > 1 {
				set = sets[row]
			}
			if bits.Len64(set) > len(k.pipelines.Names) {
				k.t.Fatal("a row is sent to a pipeline that is not there")
			}
			out[record] = set>>at&1 == 0
		}
		copied.Resources = keepRows(copied.Resources, out)
		sent[name] = copied
	}
	return sent
}

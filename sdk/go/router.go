package spanmill

import "slices"

// A Router sends rows on, unchanged, to pipelines that it chooses.
type Router interface {
	// Configure takes the settings and the pipelines that the component may send to. The contract takes their signal.
	Configure(settings Settings, pipelines Pipelines, contract *Contract) error
	// Process takes one batch. On an error it goes nowhere.
	Process(batch *Batch, routes *Routes) error
}

// Pipelines are those that a component may send to.
type Pipelines struct {
	Signal Signal
	Names  []string
}

// Find is the pipeline of a name, and whether there is one.
func (p Pipelines) Find(name string) (PipelineSet, bool) {
	at := slices.Index(p.Names, name)
	if at < 0 {
		return 0, false
	}
	return 1 << at, true
}

// A PipelineSet is a set of pipelines. Join sets with |. The zero set drops.
type PipelineSet uint64

// Routes are where the rows of one batch go. Without a call, nowhere.
type Routes struct {
	context   Context
	pipelines []uint64
}

func (r *Routes) begin() {
	r.context = Resource
	r.pipelines = append(r.pipelines[:0], 0)
}

// SendAll sends the whole batch.
func (r *Routes) SendAll(to PipelineSet) {
	r.context = Resource
	r.pipelines = append(r.pipelines[:0], uint64(to))
}

// SendEach sends each row of one context, with all rows below it. to is asked once a row.
func (r *Routes) SendEach(batch *Batch, context Context, to func(row int) PipelineSet) {
	r.context = context
	r.pipelines = resize(r.pipelines, batch.Rows(context))
	for row := range r.pipelines {
		r.pipelines[row] = uint64(to(row))
	}
}

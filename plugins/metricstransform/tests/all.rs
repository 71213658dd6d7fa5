//! The tests of this plugin, as one program.

mod aggregation;
mod labels;
mod mistakes;
mod names;
mod support;
mod values;

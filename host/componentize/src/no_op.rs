//! A processor that reads fields and does nothing with them: what is left of a plugin's price without the plugin.

use std::fmt::Write as _;

use crate::component::componentize;
use crate::error::Error;
use crate::world::World;

/// Where in memory the answer of `configure` stands, that of `process`, and the lists of the contract.
const CONTRACT: usize = 16;
const OUTCOME: usize = 64;
const LISTS: usize = 256;
const PAGE: usize = 65_536;

/// A processor that takes a signal (0 traces, 1 logs, 2 metrics), reads these fields, and answers with nothing.
///
/// # Errors
///
/// None that depends on its arguments; a defect of this crate is told rather than hidden.
pub fn no_op(signal: u8, reads: &[String]) -> Result<Vec<u8>, Error> {
    let text = module(signal, reads);
    let core = wat::parse_str(text).map_err(|error| Error::Malformed(error.to_string()))?;
    componentize(&core, &World::Exported)
}

fn module(signal: u8, reads: &[String]) -> String {
    // The signal, then pointer and length of each path, then the paths.
    let table = LISTS + 4;
    let mut texts = table + 8 * reads.len();
    let mut lists = vec![signal, 0, 0, 0];
    for path in reads {
        lists.extend(word(texts));
        lists.extend(word(path.len()));
        texts += path.len();
    }
    lists.extend(reads.iter().flat_map(|path| path.bytes()));
    let heap = texts.next_multiple_of(16);
    // `ok`, and a contract: lists of signals, fields to read, fields to write; sharding `none`.
    let mut contract = word(0).to_vec();
    for part in [LISTS, 1, table, reads.len(), table, 0, 0] {
        contract.extend(word(part));
    }
    let pages = heap / PAGE + 1;
    format!(
        r#"(module
  (memory (export "memory") {pages})
  (global $free (mut i32) (i32.const {heap}))
  (data (i32.const {CONTRACT}) "{}")
  (data (i32.const {LISTS}) "{}")
  (func $realloc (export "cabi_realloc") (param $old i32) (param $held i32) (param $align i32) (param $size i32) (result i32)
    (local $at i32)
    (local.set $at
      (i32.and
        (i32.add (global.get $free) (i32.sub (local.get $align) (i32.const 1)))
        (i32.sub (i32.const 0) (local.get $align))))
    (global.set $free (i32.add (local.get $at) (local.get $size)))
    (if (i32.gt_u (global.get $free) (i32.mul (memory.size) (i32.const {PAGE})))
      (then
        (if
          (i32.eq
            (memory.grow
              (i32.add (i32.const 1) (i32.div_u (local.get $size) (i32.const {PAGE}))))
            (i32.const -1))
          (then (unreachable)))))
    (local.get $at))
  (func (export "spanmill:plugin/processor@0.1.0#configure") (param i32 i32) (result i32)
    (i32.const {CONTRACT}))
  (func (export "spanmill:plugin/processor@0.1.0#process")
    (param i32 i64 i32 i32 i32 i32 i32 i32) (result i32)
    (i32.const {OUTCOME}))
  (func (export "cabi_post_spanmill:plugin/processor@0.1.0#process") (param i32)
    (global.set $free (i32.const {heap})))
)"#,
        escaped(&contract),
        escaped(&lists)
    )
}

fn word(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes()
}

fn escaped(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "\\{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::no_op;

    #[test]
    fn it_is_a_component_whatever_it_reads() {
        for reads in [
            vec![],
            vec![
                "span.name".to_owned(),
                "span.attributes[\"a \\\"b\\\"\"]".to_owned(),
            ],
        ] {
            let component = no_op(0, &reads).unwrap();
            assert_eq!(component.get(..4), Some(&b"\0asm"[..]));
        }
    }
}

//! How large and how intricate a component may be: looked at before anything is compiled. Real plugins, whole language
//! runtimes included, stay far below; what the compiler makes of the rest, the limits of its process bound.

use wasmparser::{Parser, Payload};

use crate::settings::MAX_BYTES;

/// The largest function, in bytes.
const FUNCTION: usize = 1024 * 1024;

/// What is counted, over all modules and components inside, and how much of it there may be.
#[derive(Clone, Copy)]
enum What {
    Parts,
    Functions,
    Code,
    Types,
    Memories,
    Tables,
    Others,
}

const LIMITS: [(&str, usize); 7] = [
    ("modules and components", 1_000),
    ("functions", 100_000),
    ("bytes of code", 32 * 1024 * 1024),
    ("types", 100_000),
    ("memories", 32),
    ("tables", 256),
    ("imports, exports, globals and the like", 500_000),
];

/// Why a component is not compiled.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Error {
    /// It is no WebAssembly.
    Broken(String),
    /// There is too much of something.
    TooComplex(String),
}

#[derive(Default)]
struct Counted([usize; LIMITS.len()]);

/// Counts what is in a component, and refuses too much of anything.
pub(super) fn check(wasm: &[u8]) -> Result<(), Error> {
    if wasm.len() > MAX_BYTES {
        return Err(too_many("bytes", wasm.len(), MAX_BYTES));
    }
    let mut counted = Counted::default();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload.map_err(|error| Error::Broken(error.to_string()))?;
        counted.add(&payload)?;
    }
    Ok(())
}

fn too_many(what: &str, there: usize, most: usize) -> Error {
    Error::TooComplex(format!("it has {there} {what}, and {most} is the most"))
}

impl Counted {
    fn add(&mut self, payload: &Payload<'_>) -> Result<(), Error> {
        use Payload as P;
        use What::{Code, Functions, Memories, Others, Parts, Tables, Types};
        let (what, by) = match payload {
            P::ModuleSection { .. } | P::ComponentSection { .. } => (Parts, 1),
            P::FunctionSection(section) => (Functions, section.count()),
            P::CodeSectionEntry(body) => {
                let bytes = body.range().len();
                if bytes > FUNCTION {
                    return Err(Error::TooComplex(format!(
                        "one of its functions has {bytes} bytes, and {FUNCTION} is the most"
                    )));
                }
                (Code, u32::try_from(bytes).unwrap_or(u32::MAX))
            }
            P::TypeSection(section) => (Types, section.count()),
            P::CoreTypeSection(section) => (Types, section.count()),
            P::ComponentTypeSection(section) => (Types, section.count()),
            P::MemorySection(section) => (Memories, section.count()),
            P::TableSection(section) => (Tables, section.count()),
            P::ImportSection(section) => (Others, section.count()),
            P::ExportSection(section) => (Others, section.count()),
            P::GlobalSection(section) => (Others, section.count()),
            P::ElementSection(section) => (Others, section.count()),
            P::DataSection(section) => (Others, section.count()),
            P::TagSection(section) => (Others, section.count()),
            P::InstanceSection(section) => (Others, section.count()),
            P::ComponentInstanceSection(section) => (Others, section.count()),
            P::ComponentAliasSection(section) => (Others, section.count()),
            P::ComponentCanonicalSection(section) => (Others, section.count()),
            P::ComponentImportSection(section) => (Others, section.count()),
            P::ComponentExportSection(section) => (Others, section.count()),
            _ => return Ok(()),
        };
        self.count(what, by)
    }

    fn count(&mut self, what: What, by: u32) -> Result<(), Error> {
        let at = what as usize;
        let (Some(total), Some((name, most))) = (self.0.get_mut(at), LIMITS.get(at)) else {
            return Ok(());
        };
        *total = total.saturating_add(usize::try_from(by).unwrap_or(usize::MAX));
        match *total > *most {
            true => Err(too_many(name, *total, *most)),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number as WebAssembly writes it.
    fn leb(mut number: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        loop {
            let byte = u8::try_from(number & 0x7f).unwrap();
            number >>= 7;
            if number == 0 {
                bytes.push(byte);
                return bytes;
            }
            bytes.push(byte | 0x80);
        }
    }

    fn section(id: u8, count: usize, entries: &[u8]) -> Vec<u8> {
        let content = [leb(count), entries.to_vec()].concat();
        [vec![id], leb(content.len()), content].concat()
    }

    /// A component around a core module of these sections.
    fn component(sections: &[Vec<u8>]) -> Vec<u8> {
        let module = [b"\0asm\x01\0\0\0".to_vec(), sections.concat()].concat();
        let header = b"\0asm\x0d\0\x01\0".to_vec();
        [header, vec![1], leb(module.len()), module].concat()
    }

    fn refused(wasm: &[u8]) -> String {
        match check(wasm) {
            Err(Error::TooComplex(why)) => why,
            other => panic!("{other:?}"),
        }
    }

    fn functions(count: usize, body: &[u8]) -> Vec<u8> {
        let types = section(1, 1, &[0x60, 0, 0]);
        let declared = section(3, count, &vec![0; count]);
        let body = [leb(body.len()), body.to_vec()].concat();
        component(&[types, declared, section(10, count, &body.repeat(count))])
    }

    #[test]
    fn what_is_usual_passes() {
        assert_eq!(check(&functions(10_000, &[0, 0x0b])), Ok(()));
        assert_eq!(check(&component(&[section(5, 1, &[0, 1])])), Ok(()));
    }

    #[test]
    fn too_much_of_anything_is_refused() {
        assert!(refused(&functions(100_001, &[0, 0x0b])).contains("100001 functions"));
        let mut long = vec![1; FUNCTION + 1];
        long[0] = 0;
        assert!(refused(&functions(1, &long)).contains("one of its functions has 1048577 bytes"));
        let long = vec![1; FUNCTION - 8];
        assert!(refused(&functions(33, &long)).contains("bytes of code"));
        let memories = section(5, 33, &[0, 1].repeat(33));
        assert!(refused(&component(&[memories])).contains("33 memories"));
        let types = section(1, 100_001, &[0x60, 0, 0].repeat(100_001));
        assert!(refused(&component(&[types])).contains("100001 types"));
        let tables = section(4, 257, &[0x70, 0, 1].repeat(257));
        assert!(refused(&component(&[tables])).contains("257 tables"));
        assert!(refused(&vec![0; MAX_BYTES + 1]).contains("67108865 bytes"));
        let module = component(&[])[8..].to_vec();
        let nested = [b"\0asm\x0d\0\x01\0".to_vec(), module.repeat(1001)].concat();
        assert!(refused(&nested).contains("1001 modules"));
    }

    #[test]
    fn what_is_no_webassembly_is_told_apart() {
        for wasm in [&b"text"[..], b"", &functions(3, &[0, 0x0b])[..40]] {
            assert!(matches!(check(wasm), Err(Error::Broken(_))), "{wasm:?}");
        }
    }
}

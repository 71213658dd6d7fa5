use super::write::{Packing, write};
use super::*;
use crate::code::Code;
use crate::settings;
use crate::target::CodeTarget;

use spanmill_keys::SigningKey;

/// The smallest component there is.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
const GUARDED: PluginMemory = PluginMemory::Guarded;

fn pair() -> (SigningKey, PublicKey) {
    let pair = rcgen::KeyPair::generate().unwrap();
    let public = PublicKey::all_from_pem(pair.public_key_pem().as_bytes());
    let private = SigningKey::from_pem(pair.serialize_pem().as_bytes());
    (private.unwrap(), public.unwrap().remove(0))
}

/// The machine that runs the tests, and another.
fn machines() -> (Machine, Machine) {
    let this = Machine::ALL.into_iter().find(|machine| machine.is_this());
    let other = Machine::ALL
        .into_iter()
        .find(|machine| machine.architecture() != std::env::consts::ARCH);
    (this.unwrap(), other.unwrap())
}

fn compiled(machine: Machine, memory: PluginMemory) -> (Machine, PluginMemory, Vec<u8>) {
    let target = CodeTarget {
        machine: Some(machine),
        memory,
    };
    let engine = settings::compiling_engine(target);
    let code = engine.unwrap().precompile_component(COMPONENT).unwrap();
    (machine, memory, code)
}

/// A file for this machine, signed by a key.
fn file(key: Option<&SigningKey>) -> Vec<u8> {
    write(
        "00",
        8,
        &[compiled(machines().0, GUARDED)],
        Packing::Compressed,
        key,
    )
    .unwrap()
}

fn refused(file: &[u8], keys: &[PublicKey]) -> PrecompiledError {
    match Code::signed(file, keys, GUARDED) {
        Ok(_) => panic!("it would run"),
        Err(why) => why,
    }
}

#[test]
fn what_the_operator_has_signed_runs() {
    let (key, public) = pair();
    let file = file(Some(&key));
    assert!(is_precompiled(&file) && !is_precompiled(COMPONENT));
    let (code, header) = Code::signed(&file, &[pair().1, public], GUARDED).unwrap();
    assert_eq!((header.wasm.as_str(), header.wasm_bytes), ("00", 8));
    let engine = wasmtime::Engine::new(&settings::config(GUARDED)).unwrap();
    assert!(code.load(&engine).is_ok());
}

#[test]
fn what_is_unsigned_or_signed_by_another_is_refused() {
    let ((key, public), (_, other)) = (pair(), pair());
    let unsigned = file(None);
    assert_eq!(
        refused(&unsigned, std::slice::from_ref(&public)),
        PrecompiledError::Unsigned
    );
    let signed = file(Some(&key));
    assert_eq!(refused(&signed, &[]), PrecompiledError::NoKey);
    assert_eq!(refused(&signed, &[other]), PrecompiledError::OtherKey);
    // A signature of the same bytes for another purpose does not count.
    let header = u32::from_le_bytes(signed[8..12].try_into().unwrap()) as usize;
    let plain = key.sign(&signed[16..16 + header]).unwrap();
    let mut reused = signed[..12].to_vec();
    reused.extend_from_slice(&u32::try_from(plain.len()).unwrap().to_le_bytes());
    reused.extend_from_slice(&signed[16..16 + header]);
    reused.extend_from_slice(&plain);
    assert_eq!(refused(&reused, &[public]), PrecompiledError::OtherKey);
}

#[test]
fn one_bit_is_enough_to_be_refused() {
    let (key, public) = pair();
    let whole = file(Some(&key));
    let keys = [public];
    for at in 0..whole.len() {
        let mut bad = whole.clone();
        bad[at] ^= 1;
        let why = refused(&bad, &keys);
        let expected = matches!(
            why,
            PrecompiledError::Damaged(_) | PrecompiledError::OtherKey | PrecompiledError::Format
        );
        assert!(expected, "byte {at}: {why}");
    }
    let longer = [&*whole, &[0]].concat();
    let why = refused(&longer, &keys).to_string();
    assert!(why.contains("something behind its code"), "{why}");
    for length in [0, 7, 8, 15, 16, 100, whole.len() - 1] {
        let why = refused(&whole[..length], &keys);
        assert!(
            matches!(why, PrecompiledError::Damaged(_)),
            "{length}: {why}"
        );
    }
}

#[test]
fn code_of_another_machine_or_memory_is_refused_by_name() {
    let (key, public) = pair();
    let (this, other) = machines();
    let foreign = write(
        "00",
        8,
        &[compiled(other, GUARDED)],
        Packing::Compressed,
        Some(&key),
    )
    .unwrap();
    let why = refused(&foreign, std::slice::from_ref(&public)).to_string();
    assert!(
        why.starts_with(&format!("it is for {other}, and this machine takes ")),
        "{why}"
    );
    let both = [
        compiled(other, GUARDED),
        compiled(this, PluginMemory::Checked),
    ];
    let checked = write("00", 8, &both, Packing::Compressed, Some(&key)).unwrap();
    let why = refused(&checked, std::slice::from_ref(&public)).to_string();
    assert!(why.contains("with `--memory guarded` as well"), "{why}");
    // The piece behind another one is found.
    let (code, _) = Code::signed(&checked, &[public], PluginMemory::Checked).unwrap();
    let engine = wasmtime::Engine::new(&settings::config(PluginMemory::Checked)).unwrap();
    assert!(code.load(&engine).is_ok());
    // And the engine itself takes no code of another memory.
    let engine = wasmtime::Engine::new(&settings::config(GUARDED)).unwrap();
    assert!(code.load(&engine).is_err());
}

/// A file whose header says something else, signed again.
fn changed(key: &SigningKey, change: impl Fn(&mut Header)) -> Vec<u8> {
    let whole = file(None);
    let length = u32::from_le_bytes(whole[8..12].try_into().unwrap()) as usize;
    let (header, code) = whole[16..].split_at(length);
    let mut header: Header = serde_json::from_slice(header).unwrap();
    change(&mut header);
    let header = serde_json::to_vec(&header).unwrap();
    let signature = key.sign(&message(&header)).unwrap();
    let mut file = MAGIC.to_vec();
    for part in [&header, &signature] {
        file.extend_from_slice(&u32::try_from(part.len()).unwrap().to_le_bytes());
    }
    [file, header, signature, code.to_vec()].concat()
}

#[test]
fn what_another_version_made_is_refused() {
    let (key, public) = pair();
    let keys = [public];
    let same = changed(&key, |_| ());
    assert!(Code::signed(&same, &keys, GUARDED).is_ok());
    let older = changed(&key, |header| header.host = "0.0.9".to_owned());
    let why = refused(&older, &keys).to_string();
    assert!(why.starts_with("it was made by spanmill 0.0.9 ("), "{why}");
    assert!(why.ends_with("compile it anew with this version"), "{why}");
    let other = changed(&key, |header| header.engine = "wasmtime 47".to_owned());
    let why = refused(&other, &keys).to_string();
    assert!(why.contains("(wasmtime 47)"), "{why}");
    let mut format = same;
    format[7] = b'2';
    assert!(is_precompiled(&format));
    assert_eq!(refused(&format, &keys), PrecompiledError::Format);
}

#[test]
fn code_may_be_stored_as_it_is() {
    let (key, public) = pair();
    let code = [compiled(machines().0, GUARDED)];
    let keys = [public];
    let plain = write("00", 8, &code, Packing::Plain, Some(&key)).unwrap();
    assert!(plain.len() > code[0].2.len());
    let (loaded, _) = Code::signed(&plain, &keys, GUARDED).unwrap();
    let engine = wasmtime::Engine::new(&settings::config(GUARDED)).unwrap();
    assert!(loaded.load(&engine).is_ok());
    let mut damaged = plain;
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    assert!(matches!(
        refused(&damaged, &keys),
        PrecompiledError::Damaged(_)
    ));
}

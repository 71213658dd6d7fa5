use super::*;

/// Where the runtime is in a memory made by hand, and how large that is.
const RUNTIME: u32 = 0x100;
const SIZE: u32 = 0x4000;

/// A memory as CPython 3.14 lays it out. Offsets are other than any CPython's, to see that the table's are taken.
struct Made {
    memory: Vec<u8>,
    free: u32,
    code_type: u32,
    bytes_type: u32,
    text_type: u32,
}

const OFFSETS: [(Word, u32); 19] = [
    (Word::InterpretersHead, 0x400),
    (Word::ThreadsHead, 12),
    (Word::CurrentFrame, 20),
    (Word::FramePrevious, 4),
    (Word::FrameExecutable, 8),
    (Word::FrameInstruction, 12),
    (Word::FrameOwner, 17),
    (Word::CodeFile, 8),
    (Word::CodeQualifiedName, 12),
    (Word::CodeLines, 16),
    (Word::CodeFirstLine, 20),
    (Word::CodeInstructions, 24),
    (Word::ObjectType, 4),
    (Word::TypeName, 8),
    (Word::BytesSize, 8),
    (Word::BytesData, 12),
    (Word::TextSize, 28),
    (Word::TextState, 8),
    (Word::TextLength, 12),
];

impl Made {
    /// With an interpreter and a thread that has no frame yet.
    fn new() -> Self {
        let mut made = Made {
            memory: vec![0; SIZE as usize],
            free: 0x1000,
            code_type: 0,
            bytes_type: 0,
            text_type: 0,
        };
        made.put(RUNTIME, COOKIE);
        made.debug_word(Word::Version, 0x030e_02f0);
        for (word, offset) in OFFSETS {
            made.debug_word(word, offset.into());
        }
        made.debug_word(Word::TextAsciiSize, 16);
        made.code_type = made.type_of(b"code\0");
        made.bytes_type = made.type_of(b"bytes\0");
        made.text_type = made.type_of(b"str\0");
        let interpreter = made.room(16);
        let thread = made.room(24);
        made.set(RUNTIME + 0x400, interpreter);
        made.set(interpreter + 12, thread);
        made
    }

    fn put(&mut self, at: u32, bytes: &[u8]) {
        let at = at as usize;
        self.memory[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn set(&mut self, at: u32, value: u32) {
        self.put(at, &value.to_le_bytes());
    }

    fn debug_word(&mut self, word: Word, value: u64) {
        self.put(RUNTIME + 8 * word as u32, &value.to_le_bytes());
    }

    fn room(&mut self, size: u32) -> u32 {
        let at = self.free;
        self.free = (at + size).next_multiple_of(8);
        at
    }

    fn type_of(&mut self, name: &[u8]) -> u32 {
        // A text of C's is aligned to nothing.
        let (object, text) = (self.room(12), self.room(16) + 3);
        self.put(text, name);
        self.set(object + 8, text);
        object
    }

    fn text(&mut self, text: &str) -> u32 {
        let ascii = text.is_ascii();
        let highest = text.chars().max().map_or(0, u32::from);
        let width = match highest {
            0..0x100 => 1,
            0x100..0x10000 => 2,
            _ => 4,
        };
        let before = if ascii { 16 } else { 24 };
        let object = self.room(before + 4 * text.chars().count() as u32);
        self.set(object + 4, self.text_type);
        self.set(object + 8, width << 2 | 1 << 5 | u32::from(ascii) << 6);
        self.set(object + 12, text.chars().count() as u32);
        for (number, char) in (0..).zip(text.chars()) {
            let code = u32::from(char).to_le_bytes();
            self.put(object + before + width * number, &code[..width as usize]);
        }
        object
    }

    /// Of a function whose code units are each of the next line.
    fn code(&mut self, function: &str, file: &str, first_line: u32) -> u32 {
        let (function, file) = (self.text(function), self.text(file));
        let table = [0x80 | 11 << 3, 0, 0].repeat(10);
        let lines = self.room(12 + 30);
        self.set(lines + 4, self.bytes_type);
        self.set(lines + 8, 30);
        self.put(lines + 12, &table);
        let code = self.room(24 + 20);
        self.set(code + 4, self.code_type);
        self.set(code + 8, file);
        self.set(code + 12, function);
        self.set(code + 16, lines);
        self.set(code + 20, first_line);
        code
    }

    /// A call within the last one, at one of the function's code units.
    fn call(&mut self, code: u32, unit: u32) -> u32 {
        let thread = self.thread();
        let outer = self.get(thread + 20);
        let frame = self.room(24);
        self.set(frame + 4, outer);
        // With a tag, as the interpreter sets them.
        self.set(frame + 8, code | 1);
        self.set(frame + 12, code + 24 + 2 * unit);
        self.set(thread + 20, frame);
        frame
    }

    fn thread(&self) -> u32 {
        self.get(self.get(RUNTIME + 0x400) + 12)
    }

    fn get(&self, at: u32) -> u32 {
        let at = at as usize;
        u32::from_le_bytes(self.memory[at..at + 4].try_into().unwrap())
    }

    fn told(&self) -> Vec<String> {
        frames(&self.memory).iter().map(Frame::to_string).collect()
    }
}

fn two_calls() -> Made {
    let mut made = Made::new();
    let outer = made.code("Filter.process", "/app/filter.py", 10);
    let inner = made.code("spin", "/app/spin.py", 40);
    made.call(outer, 4);
    made.call(inner, 0);
    made
}

const TWO_CALLS: [&str; 2] = [
    "spin (/app/spin.py:41)",
    "Filter.process (/app/filter.py:15)",
];

#[test]
fn calls_are_told_with_file_and_line_innermost_first() {
    assert_eq!(two_calls().told(), TWO_CALLS);
}

#[test]
fn nothing_is_told_of_a_memory_without_cpython_or_without_a_call() {
    assert!(frames(&[]).is_empty());
    assert!(frames(&[7; 1000]).is_empty());
    assert!(frames(COOKIE).is_empty());
    assert!(Made::new().told().is_empty());
}

#[test]
fn nothing_is_told_of_versions_whose_layout_is_not_known() {
    for version in [
        0x030d_00f0,
        0x030f_00f0,
        0x030e_00a7,
        0x030e_00c1,
        0x0001_030e_00f0,
    ] {
        let mut made = two_calls();
        made.debug_word(Word::Version, version);
        assert!(made.told().is_empty(), "{version:x}");
    }
    let mut made = two_calls();
    made.debug_word(Word::FreeThreaded, 1);
    assert!(made.told().is_empty());
}

#[test]
fn a_cookie_elsewhere_does_not_mislead() {
    let mut made = two_calls();
    made.put(8, COOKIE);
    made.put(0x80, COOKIE);
    assert_eq!(made.told(), TWO_CALLS);
}

#[test]
fn the_interpreters_own_frames_are_left_out() {
    let mut made = two_calls();
    let code = made.code("<interpreter trampoline>", "<interpreter>", 1);
    let owned = made.call(code, 0);
    made.put(owned + 17, &[OWNED_BY_INTERPRETER]);
    // Whose executable is `None`.
    let none = made.type_of(b"NoneType\0");
    let object = made.room(8);
    made.set(object + 4, none);
    made.call(object, 0);
    assert_eq!(made.told(), TWO_CALLS);
}

#[test]
fn names_may_have_any_characters_but_those_that_forge_lines() {
    let mut made = Made::new();
    for name in ["größe", "日本", "𝛼", "a\n\u{1b}[2Jb"] {
        let code = made.code(name, "f.py", 1);
        made.call(code, 1);
    }
    let expected = [
        "a  [2Jb (f.py:3)",
        "𝛼 (f.py:3)",
        "日本 (f.py:3)",
        "größe (f.py:3)",
    ];
    assert_eq!(made.told(), expected);
}

#[test]
fn long_names_and_endless_calls_are_cut() {
    let mut made = Made::new();
    let code = made.code(&"f".repeat(500), &format!("{}/end.py", "d".repeat(500)), 1);
    let frame = made.call(code, 0);
    made.set(frame + 4, frame);
    let told = made.told();
    assert_eq!(told.len(), FRAMES);
    let file = format!("{}/end.py", "d".repeat(TEXT - 7));
    assert_eq!(told[0], format!("{} ({file}:2)", "f".repeat(TEXT)));
    // Frames that are left out do not go on for ever either.
    made.put(frame + 17, &[OWNED_BY_INTERPRETER]);
    assert!(made.told().is_empty());
}

#[test]
fn a_frame_that_is_nowhere_in_its_code_is_told_with_its_functions_first_line() {
    let mut made = two_calls();
    let frame = made.get(made.thread() + 20);
    for instruction in [0, 3, u32::MAX] {
        made.set(frame + 12, instruction);
        assert_eq!(made.told()[0], "spin (/app/spin.py:40)", "{instruction:x}");
    }
}

#[test]
fn no_memory_breaks_the_reader() {
    let made = two_calls();
    for end in 0..made.memory.len() {
        frames(&made.memory[..end]);
    }
    let mut memory = made.memory.clone();
    for at in (0..made.free as usize).step_by(4) {
        let before: [u8; 4] = memory[at..at + 4].try_into().unwrap();
        for value in [
            0,
            1,
            3,
            0x80,
            SIZE - 1,
            SIZE - 4,
            0x7fff_ffff,
            0x8000_0000,
            u32::MAX - 3,
            u32::MAX,
        ] {
            memory[at..at + 4].copy_from_slice(&value.to_le_bytes());
            let told = frames(&memory);
            assert!(told.len() <= FRAMES);
        }
        memory[at..at + 4].copy_from_slice(&before);
    }
}

//! The adapter, run by itself.

use wasmtime::{Engine, Instance, Memory, MemoryType, Module, Store, TypedFunc, WasmParams};

use crate::adapter;

type Lines = Vec<(i32, String)>;

struct Adapter {
    store: Store<Lines>,
    memory: Memory,
    instance: Instance,
}

impl Adapter {
    fn new() -> Self {
        Self::limited(None)
    }

    fn limited(pages: Option<u32>) -> Self {
        let engine = Engine::default();
        let module = adapter::module().expect("the adapter is well formed");
        let module = Module::new(&engine, module).expect("the adapter is valid");
        let mut store = Store::new(&engine, Lines::new());
        let memory = Memory::new(&mut store, MemoryType::new(1, pages)).expect("one page is there");
        let log = wasmtime::Func::wrap(
            &mut store,
            move |mut caller: wasmtime::Caller<'_, Lines>, level: i32, at: i32, length: i32| {
                let text = memory.data(&caller)[at as usize..(at + length) as usize].to_vec();
                let text = String::from_utf8(text).expect("the host takes UTF-8 only");
                caller.data_mut().push((level, text));
            },
        );
        let instance = Instance::new(&mut store, &module, &[log.into(), memory.into()])
            .expect("the adapter imports log and memory");
        Adapter {
            store,
            memory,
            instance,
        }
    }

    fn call<P: WasmParams>(&mut self, name: &str, parameters: P) -> i32 {
        let function: TypedFunc<P, i32> = self
            .instance
            .get_typed_func(&mut self.store, name)
            .expect("the adapter has it");
        function
            .call(&mut self.store, parameters)
            .expect("it returns")
    }

    /// Writes in one vector, and gives how many bytes were taken.
    fn write(&mut self, fd: i32, bytes: &[u8]) -> u32 {
        let vector = [256u32.to_le_bytes(), (bytes.len() as u32).to_le_bytes()].concat();
        self.memory
            .write(&mut self.store, 256, bytes)
            .expect("there is room");
        self.memory
            .write(&mut self.store, 16, &vector)
            .expect("there is room");
        assert_eq!(self.call("fd_write", (fd, 16, 1, 32)), 0);
        self.word(32) as u32
    }

    fn word(&self, at: usize) -> u64 {
        let mut word = [0; 8];
        self.memory
            .read(&self.store, at, &mut word)
            .expect("it is inside the memory");
        u64::from_le_bytes(word)
    }

    fn exit(&mut self) {
        let exit: TypedFunc<i32, ()> = self
            .instance
            .get_typed_func(&mut self.store, "proc_exit")
            .expect("the adapter has it");
        exit.call(&mut self.store, 2)
            .expect_err("to exit is to trap");
    }

    fn lines(&mut self) -> Lines {
        std::mem::take(self.store.data_mut())
    }
}

fn line(level: i32, text: &str) -> (i32, String) {
    (level, text.to_owned())
}

#[test]
fn what_is_written_becomes_lines() {
    let mut adapter = Adapter::new();
    assert_eq!(adapter.write(1, b"one\ntwo"), 7);
    adapter.write(2, b"a warning\n");
    adapter.write(1, b", three\n\n");
    assert_eq!(
        adapter.lines(),
        [line(1, "one"), line(2, "a warning"), line(1, "two, three")]
    );
    adapter.write(2, b"not ended");
    adapter.exit();
    assert_eq!(adapter.lines(), [line(2, "not ended")]);
}

#[test]
fn other_descriptors_are_not_there() {
    let mut adapter = Adapter::new();
    assert_eq!(adapter.call("fd_write", (3, 16, 1, 32)), 8);
    assert_eq!(adapter.call("fd_write", (0, 16, 1, 32)), 8);
    assert_eq!(adapter.call("fd_prestat_get", (3, 0)), 8);
    assert_eq!(adapter.call("fd_fdstat_get", (2, 64)), 0);
    assert_eq!(adapter.word(64), 2);
    assert_eq!(
        adapter.call("path_open", (3, 0, 0, 0, 0, 0i64, 0i64, 0, 0)),
        8
    );
}

#[test]
fn what_is_no_utf_8_is_replaced() {
    let mut adapter = Adapter::new();
    let texts: [(&[u8], &str); 8] = [
        ("grün 世界 🦀\n".as_bytes(), "grün 世界 🦀"),
        (b"a\xffb\n", "a?b"),
        (b"cut \xe4\xb8\n", "cut ??"),
        (b"overlong \xc0\xaf\n", "overlong ??"),
        (b"overlong \xe0\x80\xaf\n", "overlong ???"),
        (b"surrogate \xed\xa0\x80\n", "surrogate ???"),
        (b"beyond \xf4\x90\x80\x80\n", "beyond ????"),
        (b"\x80\n", "?"),
    ];
    for (bytes, expected) in texts {
        adapter.write(1, bytes);
        assert_eq!(adapter.lines(), [line(1, expected)]);
    }
}

#[test]
fn a_long_line_is_cut_into_lines() {
    let mut adapter = Adapter::new();
    adapter.write(1, &[b'x'; 5000]);
    adapter.write(1, b"\n");
    let lengths: Vec<usize> = adapter.lines().iter().map(|(_, text)| text.len()).collect();
    assert_eq!(lengths, [2048, 2048, 904]);
}

#[test]
fn last_words_are_put_together() {
    let mut adapter = Adapter::new();
    for part in [
        "fatal error: ",
        "no more\n",
        "\n",
        "goroutine 1 [running]:\n",
        "main.f()\n\tmain.go:7\n",
    ] {
        adapter.write(2, part.as_bytes());
    }
    assert_eq!(adapter.lines(), [line(3, "fatal error: no more\n")]);
    adapter.write(2, "main.g()\n".repeat(20).as_bytes());
    assert_eq!(adapter.lines().len(), 1);
    adapter.exit();
    assert_eq!(adapter.lines().len(), 1);
}

#[test]
fn without_memory_for_lines_nothing_is_told() {
    let mut adapter = Adapter::limited(Some(1));
    assert_eq!(adapter.write(2, b"lost\n"), 5);
    adapter.exit();
    assert_eq!(adapter.lines(), []);
}

#[test]
fn clocks_stand_still_and_random_numbers_are_fixed() {
    let numbers = || {
        let mut adapter = Adapter::new();
        assert_eq!(adapter.call("random_get", (64, 8)), 0);
        let first = adapter.word(64);
        assert_eq!(adapter.call("random_get", (64, 8)), 0);
        (first, adapter.word(64))
    };
    assert_eq!(numbers(), numbers());
    assert_ne!(numbers().0, numbers().1);
    let mut adapter = Adapter::new();
    for (clock, time) in [(0, 1_577_836_800_000_000_000), (1, 1_000_000_000)] {
        assert_eq!(adapter.call("clock_time_get", (clock, 0i64, 64)), 0);
        assert_eq!(adapter.word(64), time);
    }
}

#[test]
fn what_is_waited_for_has_happened() {
    let mut adapter = Adapter::new();
    let subscription = [7u64.to_le_bytes(), 1u64.to_le_bytes()].concat();
    adapter
        .memory
        .write(&mut adapter.store, 64, &subscription)
        .expect("there is room");
    assert_eq!(adapter.call("poll_oneoff", (64, 256, 1, 16)), 0);
    assert_eq!(adapter.word(16) as u32, 1);
    assert_eq!((adapter.word(256), adapter.word(264)), (7, 1 << 16));
}

//! `make bench-check`: counts the instructions of chains with callgrind, and holds them to the figures in
//! `benches/limits.txt`. `UPDATE=1` writes the figures down instead.
//!
//! Times vary with the machine's other work, instructions hardly do. What is counted is `counted` of `chain-once`, on
//! its own thread: neither compiling nor starting, nor the first batches, in which series are named.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use spanmill_benches::counts::{self, Limits, TOLERANCE, Verdict};
use spanmill_benches::reference;

/// Name, spans (or log records, or data points) a batch, batches, and what `chain-once` is told. `processors` is the chain
/// of attributes, filter and redaction.
type Case = (&'static str, usize, usize, &'static [&'static str]);

const CASES: &[Case] = &[
    ("otlp, 100 spans: check and index", 100, 64, &["index"]),
    (
        "otlp, 100 spans: the same and extract",
        100,
        64,
        &["extract"],
    ),
    ("otlp, 1000 spans: check and index", 1000, 16, &["index"]),
    (
        "otlp, 1000 spans: the same and extract",
        1000,
        16,
        &["extract"],
    ),
    (
        "otlp, 1000 log records: check and index",
        1000,
        16,
        &["index", "logs"],
    ),
    (
        "otlp, 1000 log records: the same and extract",
        1000,
        16,
        &["extract", "logs"],
    ),
    (
        "otlp, 1000 data points: check and index",
        1000,
        16,
        &["index", "metrics"],
    ),
    (
        "otlp, 1000 data points: the same and extract",
        1000,
        16,
        &["extract", "metrics"],
    ),
    (
        "processors, 100 log records",
        100,
        64,
        &["processors", "logs"],
    ),
    (
        "processors, 1000 log records",
        1000,
        16,
        &["processors", "logs"],
    ),
    (
        "processors, 1000 log records, 1 stage",
        1000,
        16,
        &["processors", "logs", "1"],
    ),
    (
        "processors, 1000 log records, 2 stages",
        1000,
        16,
        &["processors", "logs", "2"],
    ),
    (
        "processors, 100 data points",
        100,
        64,
        &["processors", "metrics"],
    ),
    (
        "processors, 1000 data points",
        1000,
        16,
        &["processors", "metrics"],
    ),
    (
        "processors, 1000 data points, 1 stage",
        1000,
        16,
        &["processors", "metrics", "1"],
    ),
    (
        "processors, 1000 data points, 2 stages",
        1000,
        16,
        &["processors", "metrics", "2"],
    ),
    ("chain, 100 spans, literal", 100, 64, &["literal"]),
    ("chain, 100 spans, regex", 100, 64, &["regex"]),
    ("chain, 1000 spans, literal", 1000, 16, &["literal"]),
    ("chain, 1000 spans, regex", 1000, 16, &["regex"]),
    (
        "chain, 1000 spans, regex, 0 stages",
        1000,
        16,
        &["regex", "0"],
    ),
    (
        "chain, 1000 spans, regex, 1 stage",
        1000,
        16,
        &["regex", "1"],
    ),
    (
        "chain, 1000 spans, regex, 2 stages",
        1000,
        16,
        &["regex", "2"],
    ),
    (
        "chain, 1000 spans, regex, 3 stages",
        1000,
        16,
        &["regex", "3"],
    ),
];

/// The libc's copying in one way everywhere; `rep movsb` would count as an instruction a byte.
const TUNABLES: &str = "glibc.cpu.hwcaps=-ERMS,-FSRM,-AVX512F,-AVX512VL";

fn main() -> Result<()> {
    let with = counted_with()?;
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("limits.txt");
    let counter = Counter::new()?;
    let update = std::env::var_os("UPDATE").is_some_and(|update| !update.is_empty());
    let limits = match fs::read_to_string(&file) {
        Ok(text) => {
            Limits::parse(&text).with_context(|| format!("{} cannot be read", file.display()))?
        }
        Err(_) if update => Limits::default(),
        Err(error) => {
            bail!(
                "{}: {error}; `make bench-check UPDATE=1` writes it",
                file.display()
            )
        }
    };
    counter.compile()?;
    println!("| case | instructions a span | in the file | |");
    println!("|---|---|---|---|");
    let mut measured = BTreeMap::new();
    for case in CASES {
        let figure = counter.count(case)?;
        let limit = limits.cases.get(case.0).copied();
        let (before, difference) = match limit {
            Some(limit) => (
                format!("{limit:.1}"),
                format!("{:+.2} %", (figure / limit - 1.0) * 100.0),
            ),
            None => Default::default(),
        };
        println!("| {} | {figure:.1} | {before} | {difference} |", case.0);
        measured.insert(case.0.to_owned(), figure);
    }
    if update {
        let limits = Limits {
            counted_with: with,
            cases: measured,
        };
        return fs::write(&file, limits.render())
            .with_context(|| format!("{} cannot be written", file.display()));
    }
    judge(&measured, &limits, &with)
}

/// Says what has changed; an error if something costs more than it may.
fn judge(measured: &BTreeMap<String, f64>, limits: &Limits, with: &str) -> Result<()> {
    let mut failed = 0;
    for (case, &figure) in measured {
        let limit = limits.cases.get(case).copied();
        let verdict = Verdict::of(figure, limit);
        failed += usize::from(verdict.fails());
        let limit = limit.unwrap_or_default();
        match verdict {
            Verdict::Holds => {}
            Verdict::Dearer => eprintln!(
                "{case}: {figure:.1} instructions a span; {:.1} are allowed, {limit:.1} and {TOLERANCE} %",
                limit * (1.0 + TOLERANCE / 100.0)
            ),
            Verdict::Cheaper => eprintln!(
                "{case}: {figure:.1} instructions a span, and the file still says {limit:.1}; \
                 lower it with `make bench-check UPDATE=1`"
            ),
            Verdict::Unknown => {
                eprintln!("{case}: no limit; `make bench-check UPDATE=1` writes one")
            }
        }
    }
    for case in limits.cases.keys() {
        if !measured.contains_key(case) {
            eprintln!("{case}: the file has a limit for it, and it is not counted any more");
        }
    }
    if failed > 0 && limits.counted_with != with {
        eprintln!(
            "the limits were counted with {}, this with {with}: that alone can make a difference",
            limits.counted_with
        );
    }
    ensure!(failed == 0, "{failed} of {} cases fail", measured.len());
    println!("\nall within {TOLERANCE} %, or cheaper");
    Ok(())
}

/// What figures depend on, other than the code. Valgrind shows programs the same processor everywhere, as long as
/// the real one has AVX2.
fn counted_with() -> Result<String> {
    let Ok(valgrind) = said("valgrind", &["--version"]) else {
        bail!(
            "there is no valgrind, which counts the instructions; install the package `valgrind`"
        );
    };
    let rustc = said("rustc", &["--version"])?;
    let rustc: Vec<&str> = rustc.split(' ').take(2).collect();
    let libc = said("getconf", &["GNU_LIBC_VERSION"])?;
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let avx2 = match processor.contains(" avx2 ") {
        true => "AVX2",
        false => "no AVX2",
    };
    let machine = std::env::consts::ARCH;
    Ok(format!(
        "{}, {libc}, {valgrind}, {machine}, {avx2}",
        rustc.join(" ")
    ))
}

fn said(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program).args(arguments).output()?;
    ensure!(output.status.success(), "{program}: {}", output.status);
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Runs `chain-once` under valgrind.
struct Counter {
    program: PathBuf,
    folder: PathBuf,
}

impl Counter {
    fn new() -> Result<Self> {
        let program = std::env::current_exe()?.with_file_name("chain-once");
        ensure!(
            program.exists(),
            "{} is not there; `make bench-check` builds it",
            program.display()
        );
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench-check");
        fs::create_dir_all(&folder)?;
        Ok(Counter { program, folder })
    }

    fn run(&self, valgrind: &[String], chain_once: &[String]) -> Result<()> {
        let output = Command::new("valgrind")
            .args(valgrind)
            .arg(&self.program)
            .args(chain_once)
            .env("GLIBC_TUNABLES", TUNABLES)
            .env("SPANMILL_CACHE", self.folder.join("cache"))
            .env("SPANMILL_PLUGINS", reference::plugin_folder())
            .stdin(Stdio::null())
            .output()?;
        ensure!(
            output.status.success(),
            "chain-once {} under valgrind: {}\n{}",
            chain_once.join(" "),
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }

    /// Compiles what has changed, in valgrind: its processor is another than the machine's. Its cheapest tool takes a
    /// minute for that, where callgrind would take five.
    fn compile(&self) -> Result<()> {
        for chain in ["literal", "processors"] {
            self.run(
                &["--tool=none".to_owned(), "--quiet".to_owned()],
                &["1".to_owned(), chain.to_owned(), "1".to_owned()],
            )?;
        }
        Ok(())
    }

    /// Instructions a span.
    fn count(&self, (name, spans, batches, what): &Case) -> Result<f64> {
        let profile = self.folder.join("callgrind.out");
        let _ = fs::remove_file(&profile);
        let valgrind = [
            "--tool=callgrind".to_owned(),
            "--quiet".to_owned(),
            "--toggle-collect=chain_once::counted".to_owned(),
            format!("--callgrind-out-file={}", profile.display()),
        ];
        let mut arguments = vec![spans.to_string(), what[0].to_owned(), batches.to_string()];
        arguments.extend(what[1..].iter().map(|&more| more.to_owned()));
        self.run(&valgrind, &arguments)?;
        let count = counts::collected(&fs::read_to_string(&profile)?)?;
        ensure!(
            count > 0,
            "{name}: callgrind saw nothing of `chain_once::counted`; is the program stripped?"
        );
        Ok(count as f64 / (spans * batches) as f64)
    }
}

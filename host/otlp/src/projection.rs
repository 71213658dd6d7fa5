//! What a pipeline extracts: the union of what its stages declared, computed once when it is built.

use spanmill_model::{Context, Field, PerContext, Signal};

use crate::path::{Path, PathError, RequestField, Target};
use crate::schema::{self, Home, Layout, POINT_KINDS};

/// The fields that one stage declared.
#[derive(Clone, Debug, Default)]
pub struct StageContract {
    /// Fields the stage reads, in its own order.
    pub reads: Vec<Path>,
    /// Fields the stage writes, in its own order.
    pub writes: Vec<Path>,
    /// Whether it may hold spans and log records (verdict 2).
    pub may_hold: bool,
}

/// Declarations that the host cannot meet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContractError {
    /// A declared path names no field.
    #[error(transparent)]
    Path(#[from] PathError),
    /// A path is declared twice.
    #[error("`{0}` is declared twice; name each field once")]
    Twice(String),
    /// A path is not writable.
    #[error("`{0}` cannot be written by a plugin")]
    ReadOnly(String),
    /// Too many stages in one pipeline.
    #[error("a pipeline has at most {MAX_STAGES} plugins between two batch processors, not {0}")]
    Stages(usize),
}

/// The readers of a text are a set of 64 bits.
pub(crate) const MAX_STAGES: usize = 64;

impl StageContract {
    /// Checks a plugin's declarations.
    ///
    /// # Errors
    ///
    /// A path that names no field, or is declared twice, or may not be written.
    pub fn parse(reads: &[String], writes: &[String]) -> Result<Self, ContractError> {
        let parse = |paths: &[String]| -> Result<Vec<Path>, ContractError> {
            let mut parsed = Vec::with_capacity(paths.len());
            for path in paths {
                let path = Path::parse(path)?;
                if parsed.contains(&path) {
                    return Err(ContractError::Twice(path.to_string()));
                }
                parsed.push(path);
            }
            Ok(parsed)
        };
        let contract = StageContract {
            reads: parse(reads)?,
            writes: parse(writes)?,
            may_hold: false,
        };
        match contract.writes.iter().find(|path| !path.is_writable()) {
            Some(path) => Err(ContractError::ReadOnly(path.to_string())),
            None => Ok(contract),
        }
    }

    /// Whether it reads the address of a request's sender.
    pub fn reads_client_address(&self) -> bool {
        let address = Target::Request(RequestField::ClientAddress);
        self.reads.iter().any(|path| path.target == address)
    }

    /// The headers of a request that it reads, as it spells them.
    pub fn headers(&self) -> impl Iterator<Item = &str> {
        self.reads.iter().filter_map(|path| match &path.target {
            Target::Request(RequestField::Metadata(header)) => Some(&**header),
            _ => None,
        })
    }

    /// The same for a stage that may hold rows: one that exports `ticker` and sees every row of a trace.
    pub fn holding(self) -> Self {
        StageContract {
            may_hold: true,
            ..self
        }
    }
}

/// A fixed field to extract, and the stages that read it.
#[derive(Clone, Debug)]
pub(crate) struct ColumnPlan {
    pub(crate) field: &'static Field,
    pub(crate) home: Home,
    pub(crate) readers: u64,
    /// Set if a stage writes it: its place in the request must then be known.
    pub(crate) written: bool,
}

/// Attributes to extract: all, or those of some keys. Keys that stages only write are wanted too, so
/// that a write finds the entry it replaces.
#[derive(Clone, Debug, Default)]
pub(crate) struct AttributePlan {
    pub(crate) all: bool,
    pub(crate) list_readers: u64,
    pub(crate) keys: Vec<(Box<[u8]>, u64)>,
}

impl AttributePlan {
    /// Returns whether a key is wanted, and the stages that may read its values.
    pub(crate) fn wants(&self, key: &[u8]) -> (bool, u64) {
        let by_key = self.keys.iter().find(|(wanted, _)| **wanted == *key);
        let readers = by_key.map_or(0, |(_, readers)| *readers) | self.list_readers;
        (self.all || by_key.is_some(), readers)
    }
}

/// What is extracted of one context.
#[derive(Clone, Debug, Default)]
pub(crate) struct ContextPlan {
    pub(crate) columns: Vec<ColumnPlan>,
    pub(crate) attributes: Option<AttributePlan>,
    /// What of the request is wanted, and the stages that read it; of resources alone.
    pub(crate) request: Vec<(RequestField, u64)>,
    pub(crate) wanted: bool,
    /// Which column each field goes to; of data points for each kind of them, else the first alone.
    pub(crate) layouts: [Layout; POINT_KINDS],
}

/// One declared read of a stage, and where it is found.
#[derive(Clone, Debug)]
pub(crate) enum Read {
    Column(usize),
    Attributes,
    Attribute(Box<[u8]>),
    /// What is known of the request.
    Request(usize),
}

/// One stage's part of the projection.
#[derive(Clone, Debug)]
pub(crate) struct StagePlan {
    pub(crate) bit: u64,
    /// What is read of each context, in the order declared.
    pub(crate) reads: PerContext<Vec<Read>>,
    pub(crate) contract: StageContract,
    /// Whether the stage has a table of each context, in batches that carry it.
    pub(crate) tables: PerContext<bool>,
}

/// The columns that a chain of stages reads and writes.
#[derive(Clone, Debug, Default)]
pub struct Projection {
    pub(crate) contexts: PerContext<ContextPlan>,
    pub(crate) stages: Vec<StagePlan>,
}

/// Whether every stage has a table of a context.
fn is_always_shown(context: Context) -> bool {
    matches!(context, Context::Resource | Context::Scope)
        || Signal::ALL
            .iter()
            .any(|signal| signal.own().contains(&context))
}

impl Projection {
    /// Plans the extraction for some stages. `host_reads` are fields that the host itself looks at.
    ///
    /// # Errors
    ///
    /// More stages than a pipeline may have.
    pub fn new(stages: Vec<StageContract>, host_reads: &[Path]) -> Result<Self, ContractError> {
        if stages.len() > MAX_STAGES {
            return Err(ContractError::Stages(stages.len()));
        }
        let mut contexts = PerContext::new(|context| ContextPlan {
            wanted: is_always_shown(context),
            ..ContextPlan::default()
        });
        for path in host_reads {
            want(contexts.get_mut(path.context), path, 0);
        }
        let mut plans = Vec::with_capacity(stages.len());
        for (stage, contract) in stages.into_iter().enumerate() {
            let bit = 1u64 << stage;
            let mut reads: PerContext<Vec<Read>> = PerContext::default();
            let mut tables = PerContext::new(is_always_shown);
            for path in &contract.reads {
                if let Some(read) = want(contexts.get_mut(path.context), path, bit) {
                    reads.get_mut(path.context).push(read);
                }
                *tables.get_mut(path.context) = true;
            }
            for path in &contract.writes {
                let plan = contexts.get_mut(path.context);
                if let Some(Read::Column(at)) = want(plan, path, 0)
                    && let Some(column) = plan.columns.get_mut(at)
                {
                    column.written = true;
                }
                *tables.get_mut(path.context) = true;
            }
            if contract.may_hold {
                for path in Path::trace_ids() {
                    want(contexts.get_mut(path.context), &path, 0);
                }
            }
            plans.push(StagePlan {
                bit,
                reads,
                contract,
                tables,
            });
        }
        for (context, plan) in contexts.iter_mut() {
            let mut point = 0;
            plan.layouts = [(); POINT_KINDS].map(|()| {
                let homes = plan.columns.iter().map(|column| column.home);
                point += 1;
                Layout::new(context, point - 1, homes)
            });
        }
        Ok(Projection {
            contexts,
            stages: plans,
        })
    }

    /// How many stages there are.
    pub fn stage_count(&self) -> usize {
        self.stages.len()
    }

    pub(crate) fn context(&self, context: Context) -> &ContextPlan {
        self.contexts.get(context)
    }
}

/// Adds a field and its readers to a context's plan.
fn want(plan: &mut ContextPlan, path: &Path, readers: u64) -> Option<Read> {
    plan.wanted = true;
    Some(match &path.target {
        Target::Fixed(field) => {
            let known = plan
                .columns
                .iter()
                .position(|column| std::ptr::eq(column.field, *field));
            let at = known.unwrap_or(plan.columns.len());
            match plan.columns.get_mut(at) {
                Some(column) => column.readers |= readers,
                None => plan.columns.push(ColumnPlan {
                    field,
                    home: schema::home(field)?,
                    readers,
                    written: false,
                }),
            }
            Read::Column(at)
        }
        Target::Attributes => {
            let attributes = plan.attributes.get_or_insert_default();
            attributes.all = true;
            attributes.list_readers |= readers;
            Read::Attributes
        }
        Target::Attribute(key) => {
            let attributes = plan.attributes.get_or_insert_default();
            let key: Box<[u8]> = key.as_bytes().into();
            match attributes.keys.iter_mut().find(|(known, _)| *known == key) {
                Some((_, granted)) => *granted |= readers,
                None => attributes.keys.push((key.clone(), readers)),
            }
            Read::Attribute(key)
        }
        Target::Request(field) => {
            let mut known = plan.request.iter();
            let at = known.position(|(known, _)| known == field);
            let at = at.unwrap_or(plan.request.len());
            match plan.request.get_mut(at) {
                Some((_, granted)) => *granted |= readers,
                None => plan.request.push((field.clone(), readers)),
            }
            Read::Request(at)
        }
    })
}

//! The records of a journal: rows that are held from now on, and traces that are held no longer.

/// A record.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Record<'a> {
    /// An OTLP request, all rows of which are held.
    Held {
        /// The record's number: counts up.
        number: u64,
        received_unix_nano: u64,
        request: &'a [u8],
    },
    /// Each trace, and the number of the last record whose rows of it are gone.
    Gone(Vec<(u128, u64)>),
}

const HELD: u8 = 1;
const GONE: u8 = 2;

impl Record<'_> {
    /// Writes it behind what stands in `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Record::Held {
                number,
                received_unix_nano,
                request,
            } => {
                out.push(HELD);
                out.extend_from_slice(&number.to_le_bytes());
                out.extend_from_slice(&received_unix_nano.to_le_bytes());
                out.extend_from_slice(&(request.len() as u64).to_le_bytes());
                out.extend_from_slice(request);
            }
            Record::Gone(traces) => {
                out.push(GONE);
                out.extend_from_slice(&(traces.len() as u64).to_le_bytes());
                for (trace, number) in traces {
                    out.extend_from_slice(&trace.to_le_bytes());
                    out.extend_from_slice(&number.to_le_bytes());
                }
            }
        }
    }
}

/// Reads the records of a block one after the other, up to the end or what is no record.
pub(super) struct Records<'a>(pub &'a [u8]);

impl<'a> Records<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u64> {
        let (taken, rest) = self.0.split_first_chunk::<8>()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*taken))
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        let kind = *self.take(1)?.first()?;
        match kind {
            HELD => {
                let number = self.number()?;
                let received_unix_nano = self.number()?;
                let length = usize::try_from(self.number()?).ok()?;
                let request = self.take(length)?;
                Some(Record::Held {
                    number,
                    received_unix_nano,
                    request,
                })
            }
            GONE => {
                let count = usize::try_from(self.number()?).ok()?;
                let entries = self.take(count.checked_mul(24)?)?;
                let (entries, _) = entries.as_chunks::<24>();
                let read = |entry: &[u8; 24]| {
                    let (trace, number) = entry.split_first_chunk::<16>()?;
                    let number = number.first_chunk::<8>()?;
                    Some((u128::from_le_bytes(*trace), u64::from_le_bytes(*number)))
                };
                Some(Record::Gone(entries.iter().filter_map(read).collect()))
            }
            _ => None,
        }
    }
}

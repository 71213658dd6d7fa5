//! Time and unique ids, in a sandbox that has neither a clock nor chance.
//!
//! It is the time at which the host received the batch. Ids are made of that time, of what the plugin reads of the batch, of the
//! statements, and of a number that is another for every id of an instance. So instances that get the same batches give the
//! same ids, and no id is given twice.

use spanmill_sdk::Column;

use crate::datum::Datum;
use crate::frame::Frame;
use crate::moment::Moment;

/// When the host received the batch.
pub(crate) fn now(frame: &Frame<'_>) -> Moment {
    Moment::from_unix_nanos(frame.batch.received_unix_nano as i64)
}

/// An id that no other row of any batch gets.
pub(crate) fn uuid(frame: &Frame<'_>, version: u8) -> Datum<'static> {
    let number = frame.unique.get();
    frame.unique.set(number.wrapping_add(1));
    let seed = seed(frame);
    let mut bytes = [0; 16];
    let (high, low) = (
        mixed(seed.0 ^ number, seed.1),
        mixed(seed.1 ^ number.rotate_left(32), seed.0),
    );
    bytes[..8].copy_from_slice(&high.to_be_bytes());
    bytes[8..].copy_from_slice(&low.to_be_bytes());
    if version == 7 {
        let milliseconds = frame.batch.received_unix_nano / 1_000_000;
        bytes[..6].copy_from_slice(&milliseconds.to_be_bytes()[2..]);
    }
    bytes[6] = bytes[6] & 0x0f | version << 4;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits = crate::datum::hex(&bytes);
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or("").to_owned();
    let parts = [
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32),
    ];
    Datum::text(parts.join("-"))
}

/// What the ids of a batch have in common: two hashes of all that it brought, and of the statements.
fn seed(frame: &Frame<'_>) -> (u64, u64) {
    *frame.seed.get_or_init(|| {
        let batch = frame.batch;
        let mut hash = mixed(batch.received_unix_nano, frame.salt);
        let mut take = |bytes: &[u8]| hash = mixed(hash, crate::frame::hash(bytes));
        take(batch.texts.bytes);
        for column in batch.tables.iter().flat_map(|table| &table.columns) {
            match column {
                Column::Wide(words) | Column::TraceId(words) => {
                    words.iter().for_each(|word| take(&word.to_le_bytes()));
                }
                Column::Text(indices) => {
                    indices.iter().for_each(|index| take(&index.to_le_bytes()));
                }
                Column::Cells(cells) => {
                    cells.bits.iter().for_each(|bits| take(&bits.to_le_bytes()));
                }
                _ => take(&[]),
            }
        }
        (hash, mixed(hash, 0x517c_c1b7_2722_0a95))
    })
}

fn mixed(left: u64, right: u64) -> u64 {
    let product = u128::from(left ^ 0x9e37_79b9_7f4a_7c15) * u128::from(right | 1);
    let folded = product as u64 ^ (product >> 64) as u64;
    let folded = (folded ^ folded >> 31).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    folded ^ folded >> 29
}

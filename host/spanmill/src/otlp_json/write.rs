//! Protobuf, written from front to back.

const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const DELIMITED: u32 = 2;
const FIXED32: u32 = 5;

/// A message that grows.
pub(super) struct Writer {
    bytes: Vec<u8>,
}

/// Where the body of a message begins whose end has not come yet.
pub(super) struct Open(usize);

impl Writer {
    pub fn with_room_for(bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
        }
    }

    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }

    /// How much is written.
    pub fn position(&self) -> usize {
        self.bytes.len()
    }

    /// Forgets what was written from a position on.
    pub fn forget_from(&mut self, position: usize) {
        self.bytes.truncate(position);
    }

    /// Begins a nested message. Its length is not known yet: room is left for that of a short one.
    pub fn open(&mut self, number: u32) -> Open {
        self.tag(number, DELIMITED);
        self.bytes.push(0);
        Open(self.bytes.len())
    }

    /// Ends a nested message, and writes its length.
    pub fn close(&mut self, Open(body): Open) {
        let end = self.bytes.len();
        let length = end.saturating_sub(body);
        let (varint, used) = varint(length as u64);
        let length_bytes = varint.get(..used).unwrap_or_default();
        // Longer ones move by the few bytes that their length takes more.
        self.bytes.resize(end + used - 1, 0);
        self.bytes.copy_within(body..end, body + used - 1);
        if let Some(place) = self.bytes.get_mut(body - 1..body - 1 + used) {
            place.copy_from_slice(length_bytes);
        }
    }

    pub fn varint(&mut self, number: u32, value: u64) {
        self.tag(number, VARINT);
        self.raw_varint(value);
    }

    pub fn fixed32(&mut self, number: u32, value: u32) {
        self.tag(number, FIXED32);
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    pub fn fixed64(&mut self, number: u32, value: u64) {
        self.tag(number, FIXED64);
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    pub fn delimited(&mut self, number: u32, bytes: &[u8]) {
        self.tag(number, DELIMITED);
        self.raw_varint(bytes.len() as u64);
        self.bytes.extend_from_slice(bytes);
    }

    fn tag(&mut self, number: u32, wire: u32) {
        self.raw_varint(u64::from(number << 3 | wire));
    }

    fn raw_varint(&mut self, value: u64) {
        let (varint, used) = varint(value);
        self.bytes
            .extend_from_slice(varint.get(..used).unwrap_or_default());
    }
}

/// A number as a varint, and how many bytes of it are used.
fn varint(mut value: u64) -> ([u8; 10], usize) {
    let mut bytes = [0; 10];
    let mut used = 0;
    for byte in &mut bytes {
        used += 1;
        *byte = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            break;
        }
        *byte |= 0x80;
    }
    (bytes, used)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_every_size() {
        for length in [0, 1, 127, 128, 129, 16_383, 16_384, 2_097_151, 2_097_152] {
            let mut writer = Writer::with_room_for(0);
            let outer = writer.open(1);
            let inner = writer.open(16);
            writer.bytes.resize(writer.bytes.len() + length, 7);
            writer.close(inner);
            writer.varint(2, 1);
            writer.close(outer);
            let bytes = writer.finish();
            let mut rest = bytes.as_slice();
            let mut next = |expected: u64| {
                assert_eq!(prost::encoding::decode_varint(&mut rest).unwrap(), expected);
                rest.len()
            };
            next(0x0a);
            let left = next((prost::length_delimiter_len(length) + 2 + length + 2) as u64);
            assert_eq!(left, prost::length_delimiter_len(length) + 2 + length + 2);
            next(0x82);
            let left = next(length as u64);
            assert_eq!(left, length + 2);
            assert_eq!(&bytes[bytes.len() - 2..], [0x10, 1]);
        }
    }
}

//! CPython's table of lines, `co_linetable`: for some code units after another, their line as a difference to the line before.

/// The line of a code unit; `first` is the line that the function begins at. None if the table names none.
pub(super) fn line(table: &[u8], first: u32, unit: u32) -> Option<u32> {
    let mut line = i64::from(first);
    let mut units = 0u32;
    let mut rest = table;
    while let Some((head, behind)) = rest.split_first() {
        if head & 0x80 == 0 {
            return None;
        }
        // All bytes of an entry but its first have no top bit.
        let length = behind.iter().take_while(|byte| *byte & 0x80 == 0).count();
        let (entry, next) = behind.split_at_checked(length)?;
        let kind = head >> 3 & 15;
        line = line.checked_add(match kind {
            0..=9 => 0,
            10..=12 => i64::from(kind - 10),
            13 | 14 => signed(entry)?,
            _ => 0,
        })?;
        units = units.checked_add(u32::from(head & 7) + 1)?;
        if unit < units {
            return (kind != 15)
                .then_some(line)
                .and_then(|line| u32::try_from(line).ok());
        }
        rest = next;
    }
    None
}

/// A number in groups of six bits, lowest first; bit 6 says that more follow. The lowest bit of all is its sign.
fn signed(bytes: &[u8]) -> Option<i64> {
    let mut value = 0i64;
    for (group, byte) in (0..5).zip(bytes) {
        value |= i64::from(byte & 0x3f) << (6 * group);
        if byte & 0x40 == 0 {
            let size = value >> 1;
            return Some(if value & 1 == 1 { -size } else { size });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_cpython_made_gives_the_lines_that_cpython_gives() {
        // Of a function with loops, calls over several lines and a `with`: `co_linetable`, and by `co_positions()` how many code
        // units in a row are of which line. The last are of none.
        let table = "8000e00b0d8044db10158804d8080c8f0b890bd80c10df0d118954f40503090af408000c0f88748b399075d50b1cdc1115906394199864\
            d81014970a910ad81417f403021112f70300121bf108000d12f115001116f018000b0fd8080cf103000b0ff70d00121b9519fa";
        let table: Vec<u8> = (0..table.len() / 2)
            .map(|at| u8::from_str_radix(&table[2 * at..2 * at + 2], 16).unwrap())
            .collect();
        let runs = [
            (1, 1),
            (3, 2),
            (4, 5),
            (5, 11),
            (6, 1),
            (7, 10),
            (5, 5),
            (9, 17),
            (10, 12),
            (11, 11),
            (12, 1),
            (11, 5),
            (10, 8),
            (14, 2),
            (4, 2),
            (16, 1),
            (17, 1),
            (16, 2),
            (10, 14),
        ];
        let expected = runs
            .iter()
            .flat_map(|(line, units)| std::iter::repeat_n(Some(*line), *units))
            .chain(std::iter::repeat_n(None, 4));
        for (unit, expected) in (0..).zip(expected) {
            assert_eq!(line(&table, 1, unit), expected, "code unit {unit}");
        }
    }

    #[test]
    fn an_entry_without_columns_has_its_difference_of_lines() {
        // Three lines on, then 70 back.
        let table = [
            0x80 | 13 << 3,
            3 << 1,
            0x80 | 13 << 3,
            0x40 | (70 << 1 & 0x3f) | 1,
            70 >> 5,
        ];
        assert_eq!(
            [0, 1, 2].map(|unit| line(&table, 100, unit)),
            [Some(103), Some(33), None]
        );
    }

    #[test]
    fn no_line_before_the_first_comes_of_a_table() {
        let back = [0x80 | 13 << 3, 5 << 1 | 1];
        assert_eq!(line(&back, 2, 0), None);
        assert_eq!(
            line(&[0x80 | 13 << 3, 0x7f], 2, 0),
            None,
            "a number that does not end"
        );
        assert_eq!(line(&[0x00], 2, 0), None, "no entry");
    }
}

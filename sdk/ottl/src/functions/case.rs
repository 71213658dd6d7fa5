//! Letters in other cases.

/// All letters small. Go changes one character at a time, whatever stands around it.
pub(super) fn lower(text: &str) -> String {
    text.chars().map(lowercase).collect()
}

/// All letters capital.
pub(super) fn upper(text: &str) -> String {
    text.chars().map(uppercase).collect()
}

fn lowercase(character: char) -> char {
    match character {
        'İ' => 'i',
        _ => alone(character.to_lowercase()).unwrap_or(character),
    }
}

/// A character's upper case: the same for one whose upper case is several characters, such as `ß`, unless there is a title
/// case of one.
fn uppercase(character: char) -> char {
    let title_case = match character {
        'ᾀ'..='ᾇ' | 'ᾐ'..='ᾗ' | 'ᾠ'..='ᾧ' => 8,
        'ᾳ' | 'ῃ' | 'ῳ' => 9,
        _ => return alone(character.to_uppercase()).unwrap_or(character),
    };
    char::from_u32(character as u32 + title_case).unwrap_or(character)
}

fn alone(mut characters: impl Iterator<Item = char>) -> Option<char> {
    let first = characters.next();
    first.filter(|_| characters.next().is_none())
}

/// `some_name`: words end where letters become capital, where digits begin or end, and at spaces, hyphens and dots.
pub(super) fn snake(text: &str) -> String {
    let characters: Vec<char> = text.trim().chars().collect();
    let mut out = String::new();
    for (at, &character) in characters.iter().enumerate() {
        let small = character.to_ascii_lowercase();
        let before = at.checked_sub(1).and_then(|at| characters.get(at));
        let Some(next) = characters.get(at + 1) else {
            out.push(if is_gap(character) { '_' } else { small });
            break;
        };
        let (is_capital, is_small) = (
            character.is_ascii_uppercase(),
            character.is_ascii_lowercase(),
        );
        let is_digit = character.is_ascii_digit();
        let changes = is_capital && (next.is_ascii_lowercase() || next.is_ascii_digit())
            || is_small && (next.is_ascii_uppercase() || next.is_ascii_digit())
            || is_digit && next.is_ascii_alphabetic();
        if !changes {
            out.push(if is_gap(character) { '_' } else { small });
            continue;
        }
        // The last capital of an acronym begins the next word.
        if is_capital && next.is_ascii_lowercase() && before.is_some_and(char::is_ascii_uppercase) {
            out.push('_');
        }
        out.push(small);
        if is_small || is_digit || next.is_ascii_digit() {
            out.push('_');
        }
    }
    out
}

fn is_gap(character: char) -> bool {
    matches!(character, ' ' | '_' | '-' | '.')
}

/// `SomeName`: of ASCII letters and digits; what stands between words goes.
pub(super) fn camel(text: &str) -> String {
    let mut out = String::new();
    let (mut begins_word, mut after_capital) = (true, false);
    for character in text.trim().chars() {
        let is_capital = character.is_ascii_uppercase();
        let changed = if begins_word {
            character.to_ascii_uppercase()
        } else if after_capital {
            character.to_ascii_lowercase()
        } else {
            character
        };
        after_capital = is_capital;
        if character.is_ascii_alphabetic() {
            out.push(changed);
            begins_word = false;
        } else if character.is_ascii_digit() {
            out.push(character);
            begins_word = true;
        } else {
            begins_word = is_gap(character);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_apart() {
        for (text, expected) in [
            ("testCase", "test_case"),
            ("TestCase", "test_case"),
            ("Test Case", "test_case"),
            (" Test Case ", "test_case"),
            ("test", "test"),
            ("", ""),
            ("ManyManyWords", "many_many_words"),
            ("AnyKind of_string", "any_kind_of_string"),
            ("numbers2and55with000", "numbers_2_and_55_with_000"),
            ("JSONData", "json_data"),
            ("userID", "user_id"),
            ("AAAbbb", "aa_abbb"),
            ("1A2", "1_a_2"),
            ("simple.metric-name", "simple_metric_name"),
        ] {
            assert_eq!(snake(text), expected, "{text}");
        }
        for (text, expected) in [
            ("test_case", "TestCase"),
            ("test.case", "TestCase"),
            ("TestCase", "TestCase"),
            (" test  case ", "TestCase"),
            ("many_many_words", "ManyManyWords"),
            ("AnyKind of_string", "AnyKindOfString"),
            ("odd-fix", "OddFix"),
            ("numbers2And55with000", "Numbers2And55With000"),
            ("ID", "Id"),
            ("CONSTANT_CASE", "ConstantCase"),
            ("", ""),
        ] {
            assert_eq!(camel(text), expected, "{text}");
        }
    }
}

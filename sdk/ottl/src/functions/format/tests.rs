use super::*;

/// What Go 1.26 makes of formats and values, a line each: the format, the values, the result. A value begins with the letter of its
/// kind; a double is written as its bits, bytes in hexadecimal.
const OF_GO: &str = include_str!("go.jsonl");

fn value(text: &str) -> Datum<'_> {
    let (kind, text) = text.split_at(1);
    match kind {
        "n" => Datum::Nil,
        "i" => Datum::Int(text.parse().unwrap()),
        "f" => Datum::Float(f64::from_bits(u64::from_str_radix(text, 16).unwrap())),
        "s" => Datum::Text(text.into()),
        "t" => Datum::Bool(text == "true"),
        "d" => Datum::Duration(text.parse().unwrap()),
        "b" => {
            let bytes = text.as_bytes().chunks(2);
            let byte = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16);
            let bytes: Vec<u8> = bytes.map(|digits| byte(digits).unwrap()).collect();
            Datum::Bytes(bytes.into())
        }
        _ => panic!("{kind}"),
    }
}

#[test]
fn texts_are_those_of_go() {
    let mut wrong = Vec::new();
    for line in OF_GO.lines() {
        let (format, values, expected): (String, Vec<String>, String) =
            serde_json::from_str(line).unwrap();
        let values: Vec<Datum<'_>> = values.iter().map(|text| value(text)).collect();
        let made = sprintf(&format, &values);
        if made != expected {
            wrong.push(format!("{line}: {made:?}"));
        }
    }
    assert!(OF_GO.lines().count() > 900);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_is_made_wider_than_it_may_be() {
    assert_eq!(sprintf("%999999d", &[Datum::Int(1)]).len(), MOST_WIDTH);
    assert_eq!(
        sprintf("%.999999f", &[Datum::Float(1.0)]).len(),
        MOST_WIDTH + 2
    );
}

//! Chooses the format of an answer from `Accept`, as the Collector's exporter does.

use super::format::Format;

/// Returns the format with the highest `q`, the first of several; text if none is known.
pub(super) fn format<'a>(accepts: impl Iterator<Item = &'a str>, open_metrics: bool) -> Format {
    let ranges = accepts.flat_map(|accept| accept.split(','));
    let mut asked: Vec<(f64, Format)> = ranges
        .filter_map(|range| asked_for(range, open_metrics))
        .collect();
    asked.sort_by(|one, other| other.0.total_cmp(&one.0));
    asked.first().map_or(Format::Text, |(_, format)| *format)
}

/// A media range with a known format, and its `q`.
fn asked_for(range: &str, open_metrics: bool) -> Option<(f64, Format)> {
    let mut parts = range.split(';').map(str::trim);
    let media = parts.next()?.to_ascii_lowercase();
    let (mut quality, mut version, mut proto, mut encoding) = (1.0, "", "", "");
    for (name, value) in parts.filter_map(|part| part.split_once('=')) {
        let value = value.trim().trim_matches('"');
        match name.trim() {
            "q" => quality = value.parse().unwrap_or(1.0),
            "version" => version = value,
            "proto" => proto = value,
            "encoding" => encoding = value,
            _ => {}
        }
    }
    let is_delimited = proto == "io.prometheus.client.MetricFamily" && encoding == "delimited";
    let format = match media.as_str() {
        "application/vnd.google.protobuf" if is_delimited => Format::Protobuf,
        "application/openmetrics-text"
            if open_metrics && ["", "0.0.1", "1.0.0"].contains(&version) =>
        {
            Format::OpenMetrics
        }
        "text/plain" if ["", "0.0.4"].contains(&version) => Format::Text,
        _ => return None,
    };
    Some((quality, format))
}

#[cfg(test)]
mod tests {
    use super::{Format, format};

    #[test]
    fn the_format_is_the_one_most_wanted() {
        let native = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,\
            application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let open = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
            text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        for (accept, is_open, expected) in [
            (native, false, Format::Protobuf),
            (native, true, Format::Protobuf),
            (open, true, Format::OpenMetrics),
            (open, false, Format::Text),
            ("*/*", true, Format::Text),
            ("", true, Format::Text),
            ("application/vnd.google.protobuf", true, Format::Text),
            (
                "application/vnd.google.protobuf; proto=\"io.prometheus.client.MetricFamily\"; encoding=text",
                true,
                Format::Text,
            ),
            (
                "application/openmetrics-text; version=2.0.0, text/plain",
                true,
                Format::Text,
            ),
            (
                "text/plain;q=0.9, application/openmetrics-text;q=0.95",
                true,
                Format::OpenMetrics,
            ),
            (
                "text/plain;q=NaN;x, application/openmetrics-text;q=z",
                true,
                Format::Text,
            ),
        ] {
            assert_eq!(format([accept].into_iter(), is_open), expected, "{accept}");
        }
    }
}

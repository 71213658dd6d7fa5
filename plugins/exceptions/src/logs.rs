//! Makes a log record of each exception.

use spanmill_sdk::{
    ABSENT, Batch, Cell, ConfigError, Context, Contract, ListField, PluginError, RecordConnector,
    RecordList, RecordNarrow, RecordStream, RecordText, RecordTraceId, RecordWide, Records, Signal,
    TraceIdField, WideField,
};

use crate::exceptions::{Exception, Fields};
use crate::settings::{SERVICE_NAME, SPAN_KIND, SPAN_NAME, STATUS_CODE, Settings};

const STACKTRACE: &str = "exception.stacktrace";

/// `SEVERITY_NUMBER_ERROR`.
const ERROR: u32 = 17;

/// The exceptions connector from traces to logs.
#[derive(Debug)]
pub struct ExceptionLogs {
    fields: Fields,
    time: WideField,
    trace_id: TraceIdField,
    span_id: WideField,
    span_attributes: ListField,
    stacktrace: spanmill_sdk::AttributeField,
    record: Record,
}

/// The fields of a log record.
#[derive(Debug)]
struct Record {
    time: RecordWide,
    severity: RecordNarrow,
    severity_text: RecordText,
    trace_id: RecordTraceId,
    span_id: RecordWide,
    attributes: RecordList,
}

impl RecordConnector for ExceptionLogs {
    type Config = Settings;

    fn configure(
        settings: Settings,
        contract: &mut Contract,
    ) -> Result<(Self, RecordStream), ConfigError> {
        settings.check()?;
        let mut stream = RecordStream::new(Signal::Logs, "exceptionsconnector", "");
        let record = Record {
            time: stream.wide("log.time_unix_nano"),
            severity: stream.narrow("log.severity_number"),
            severity_text: stream.text("log.severity_text"),
            trace_id: stream.trace_id(),
            span_id: stream.wide("log.span_id"),
            attributes: stream.attributes(),
        };
        let connector = ExceptionLogs {
            fields: Fields::new(&settings.dimensions, contract),
            time: contract.read_wide("spanevent.time_unix_nano"),
            trace_id: contract.read_trace_id("span.trace_id"),
            span_id: contract.read_wide("span.span_id"),
            span_attributes: contract.read_attributes(Context::Span),
            stacktrace: contract.read_attribute(Context::SpanEvent, STACKTRACE),
            record,
        };
        Ok((connector, stream))
    }

    fn process(&mut self, batch: &Batch<'_>, records: &mut Records) -> Result<(), PluginError> {
        let exceptions = self.fields.exceptions(batch);
        if exceptions.is_empty() {
            return Ok(());
        }
        let columns = self.fields.dimensions(batch);
        let names = columns.iter().map(|column| column.dimension.name.as_str());
        let names: Vec<(&str, u32)> = [SPAN_NAME, SPAN_KIND, STATUS_CODE, SERVICE_NAME, STACKTRACE]
            .into_iter()
            .chain(names)
            .map(|name| (name, records.new_text(name)))
            .collect();
        let severity = records.new_text("ERROR");
        let empty = records.new_text("");
        let stacktraces = batch.attribute(self.stacktrace);
        let mut last: Option<u32> = None;
        for exception in &exceptions {
            let resource = exception.resource as u32;
            // Spans stand in the order of their resources.
            if last.is_some_and(|last| last > resource) {
                return Err(PluginError::Batch(
                    "its spans are not in the order of their resources".to_owned(),
                ));
            }
            last = Some(resource);
            records.add(resource);
            self.ids(batch, exception, records);
            records.narrow(self.record.severity, ERROR);
            records.text(self.record.severity_text, severity);
            let name = match exception.span_name {
                ABSENT => empty,
                name => name,
            };
            let (kind, code) = (
                records.new_text(exception.kind),
                records.new_text(exception.code),
            );
            let cell = |(kind, bits): (u8, u64)| Cell::from_parts(kind, bits);
            let mut values = vec![
                Cell::Text(name),
                Cell::Text(kind),
                Cell::Text(code),
                cell(exception.service),
                match stacktraces.cell(exception.event) {
                    (0, _) => Cell::Text(empty),
                    stacktrace => cell(stacktrace),
                },
            ];
            for column in &columns {
                values.push(match (column.cell(exception), &column.dimension.default) {
                    ((0, _), Some(default)) => Cell::Text(records.new_text(default)),
                    (own, _) => cell(own),
                });
            }
            self.attributes(batch, exception, &names, &values, records);
        }
        Ok(())
    }
}

impl ExceptionLogs {
    fn ids(&self, batch: &Batch<'_>, exception: &Exception, records: &mut Records) {
        let time = batch.wide(self.time).get(exception.event);
        records.wide(self.record.time, time.copied().unwrap_or(0));
        let span_id = batch.wide(self.span_id).get(exception.span);
        records.wide(self.record.span_id, span_id.copied().unwrap_or(0));
        let (ids, _) = batch.trace_ids(self.trace_id).as_chunks::<2>();
        let id = ids.get(exception.span).copied().unwrap_or([0, 0]);
        records.trace_id(self.record.trace_id, id);
    }

    /// The attributes of the span, but for those that the exception's own have the names of; then these. A dimension's
    /// value that is nowhere is absent, and what the span has of the name stays.
    fn attributes(
        &self,
        batch: &Batch<'_>,
        exception: &Exception,
        names: &[(&str, u32)],
        values: &[Cell],
        records: &mut Records,
    ) {
        let list = batch.attributes(self.span_attributes);
        for entry in list.entries(exception.span) {
            let key = list.keys.get(entry).copied().unwrap_or(ABSENT);
            let text = batch.texts.bytes(key);
            let mut own = names.iter().zip(values);
            let is_own =
                own.any(|((name, _), value)| *value != Cell::Absent && name.as_bytes() == text);
            if !is_own {
                let (kind, bits) = list.values.cell(entry);
                records.entry(self.record.attributes, key, Cell::from_parts(kind, bits));
            }
        }
        let mut put: Vec<&str> = Vec::with_capacity(names.len());
        for ((name, text), value) in names.iter().zip(values) {
            // A dimension may be the stacktrace.
            if *value != Cell::Absent && !put.contains(name) {
                put.push(name);
                records.entry(self.record.attributes, *text, *value);
            }
        }
    }
}

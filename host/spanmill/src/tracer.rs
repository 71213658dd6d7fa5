//! Spans of the service's own work: of a request, of each stage that it passes, and of its export. Off, it costs nothing but a
//! look at an option; on, spans wait in a bounded channel for `telemetry`, which sends them on.

use std::fmt;
use std::sync::{Arc, OnceLock};

use tokio::sync::mpsc;

use crate::clock::now_unix_nano;

/// Spans that wait to be sent on; further ones are dropped, and counted.
const WAITING: usize = 4096;

/// Who called, by the header `traceparent` (<https://www.w3.org/TR/trace-context/>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    trace_id: u128,
    span_id: u64,
    is_sampled: bool,
}

/// Which part of the traces that begin here are recorded. Those of a caller are recorded if the caller records them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// From 0 to 1.
    pub ratio: f64,
    /// Whether the caller's choice counts.
    pub by_caller: bool,
}

/// A span that has ended.
#[derive(Debug)]
pub struct OwnSpan {
    pub trace_id: u128,
    pub span_id: u64,
    /// 0: none.
    pub parent_span_id: u64,
    pub name: String,
    pub kind: OwnSpanKind,
    pub began_unix_nano: u64,
    pub ended_unix_nano: u64,
    pub counts: Vec<(&'static str, u64)>,
    /// Why it failed.
    pub error: Option<String>,
}

/// What a span is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnSpanKind {
    /// A request that was received.
    Server,
    /// Work within the service.
    Internal,
    /// A request that was sent.
    Client,
}

/// Makes spans, once it was switched on. Clones are the same.
#[derive(Clone, Default)]
pub struct Tracer(Arc<OnceLock<Recording>>);

struct Recording {
    sampling: Sampling,
    spans: mpsc::Sender<OwnSpan>,
}

/// A trace that spans are recorded of, and the span that they are below; or none.
#[derive(Clone, Default)]
pub struct TraceContext(Option<Arc<Active>>);

struct Active {
    tracer: Tracer,
    trace_id: u128,
    span_id: u64,
    parent_span_id: u64,
    began_unix_nano: u64,
}

impl fmt::Debug for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TraceContext").field(&self.is_on()).finish()
    }
}

impl Caller {
    /// Reads the header; `None` if it is not as it should be.
    pub fn parse(header: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(header).ok()?.trim();
        let mut parts = text.split('-');
        let (version, trace, span, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let is_hex = |part: &str, length: usize| {
            part.len() == length
                && part
                    .bytes()
                    .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        let is_whole =
            is_hex(version, 2) && is_hex(trace, 32) && is_hex(span, 16) && is_hex(flags, 2);
        // Version 00 has four parts; what later ones append does not matter.
        if !is_whole || version == "ff" || (version == "00" && parts.next().is_some()) {
            return None;
        }
        let caller = Caller {
            trace_id: u128::from_str_radix(trace, 16).ok()?,
            span_id: u64::from_str_radix(span, 16).ok()?,
            is_sampled: u8::from_str_radix(flags, 16).ok()? & 1 == 1,
        };
        (caller.trace_id != 0 && caller.span_id != 0).then_some(caller)
    }
}

impl Tracer {
    /// Switches it on; once. Returns the spans that end from now on, or `None` if it is on already.
    pub fn record(&self, sampling: Sampling) -> Option<mpsc::Receiver<OwnSpan>> {
        let (spans, ended) = mpsc::channel(WAITING);
        let recording = Recording { sampling, spans };
        self.0.set(recording).ok().map(|()| ended)
    }

    /// Begins the span of a request, if it is to be recorded.
    pub fn begin(&self, caller: Option<Caller>) -> TraceContext {
        let Some(recording) = self.0.get() else {
            return TraceContext::default();
        };
        let Sampling { ratio, by_caller } = recording.sampling;
        let trace_id = caller.map_or_else(rand::random::<u128>, |caller| caller.trace_id);
        let is_recorded = match caller {
            Some(caller) if by_caller => caller.is_sampled,
            // OpenTelemetry's TraceIdRatioBased: the lower 63 bits of the id.
            _ => ((trace_id as u64 >> 1) as f64) < ratio * (1_u64 << 63) as f64,
        };
        if !is_recorded {
            return TraceContext::default();
        }
        TraceContext(Some(Arc::new(Active {
            tracer: self.clone(),
            trace_id,
            span_id: rand::random::<u64>().max(1),
            parent_span_id: caller.map_or(0, |caller| caller.span_id),
            began_unix_nano: now_unix_nano(),
        })))
    }
}

impl TraceContext {
    /// Whether spans are recorded.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// The span of the request ends.
    pub fn end(
        &self,
        name: &dyn fmt::Display,
        counts: Vec<(&'static str, u64)>,
        error: Option<String>,
    ) {
        if let Some(active) = &self.0 {
            active.tracer.send(OwnSpan {
                trace_id: active.trace_id,
                span_id: active.span_id,
                parent_span_id: active.parent_span_id,
                name: name.to_string(),
                kind: OwnSpanKind::Server,
                began_unix_nano: active.began_unix_nano,
                ended_unix_nano: now_unix_nano(),
                counts,
                error,
            });
        }
    }

    /// A part of the work ends that began then.
    pub fn span(
        &self,
        name: &dyn fmt::Display,
        kind: OwnSpanKind,
        began_unix_nano: u64,
        counts: Vec<(&'static str, u64)>,
        error: Option<String>,
    ) {
        if let Some(active) = &self.0 {
            active.tracer.send(OwnSpan {
                trace_id: active.trace_id,
                span_id: rand::random::<u64>().max(1),
                parent_span_id: active.span_id,
                name: name.to_string(),
                kind,
                began_unix_nano,
                ended_unix_nano: now_unix_nano(),
                counts,
                error,
            });
        }
    }
}

impl Tracer {
    fn send(&self, span: OwnSpan) {
        if let Some(recording) = self.0.get() {
            // What finds no room is dropped: telemetry of its own must not hold the service up.
            let _ = recording.spans.try_send(span);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn callers_are_read_as_trace_context_has_it() {
        let caller = Caller::parse(HEADER.as_bytes()).unwrap();
        assert_eq!(caller.trace_id, 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
        assert_eq!(
            (caller.span_id, caller.is_sampled),
            (0xb7ad_6b71_6920_3331, true)
        );
        assert!(
            !Caller::parse(HEADER.replace("-01", "-00").as_bytes())
                .unwrap()
                .is_sampled
        );
        assert!(Caller::parse(format!("cc{}-more", &HEADER[2..]).as_bytes()).is_some());
        for wrong in [
            String::new(),
            format!("{HEADER}-more"),
            format!("ff{}", &HEADER[2..]),
            HEADER.to_uppercase(),
            HEADER.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            HEADER.replace("b7ad6b7169203331", "b7ad6b716920333"),
        ] {
            assert_eq!(Caller::parse(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn nothing_is_recorded_until_it_is_on_and_then_what_is_sampled() {
        let tracer = Tracer::default();
        assert!(!tracer.begin(None).is_on());
        let mut spans = tracer
            .record(Sampling {
                ratio: 0.0,
                by_caller: true,
            })
            .unwrap();
        assert!(!tracer.begin(None).is_on());
        let unsampled = Caller::parse(HEADER.replace("-01", "-00").as_bytes());
        assert!(!tracer.begin(unsampled).is_on());
        let context = tracer.begin(Caller::parse(HEADER.as_bytes()));
        context.span(&"part", OwnSpanKind::Internal, 7, vec![("items", 3)], None);
        context.end(&"whole", vec![], Some("why".to_owned()));
        let (part, whole) = (spans.try_recv().unwrap(), spans.try_recv().unwrap());
        assert_eq!(
            (part.parent_span_id, whole.parent_span_id),
            (whole.span_id, 0xb7ad_6b71_6920_3331)
        );
        assert_eq!((part.trace_id, part.began_unix_nano), (whole.trace_id, 7));
        assert_eq!(whole.error.as_deref(), Some("why"));
    }

    #[test]
    fn a_ratio_is_about_what_is_recorded() {
        let tracer = Tracer::default();
        let sampling = Sampling {
            ratio: 0.25,
            by_caller: true,
        };
        let _spans = tracer.record(sampling).unwrap();
        let recorded = (0..4000).filter(|_| tracer.begin(None).is_on()).count();
        assert!((800..1200).contains(&recorded), "{recorded}");
    }
}

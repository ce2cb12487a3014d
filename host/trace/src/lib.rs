//! Traces: what became of one event or request, from pod to pod, exported by OpenTelemetry's protocol. Most events are
//! not sampled, and then nothing here costs more than a comparison. It says where time goes, and never decides anything.

use opentelemetry::trace::{
    Span as _, SpanBuilder, SpanContext, SpanId, SpanKind, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer,
    TracerProvider,
};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, Span};
use std::sync::OnceLock;

static EXPORTING: OnceLock<Exporting> = OnceLock::new();

struct Exporting {
    tracer: SdkTracer,
    /// The share of events that are followed.
    sample: f64,
}

/// Where something stands in its trace; nothing where it is not followed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Trace(Option<(u128, u64)>);

/// Something that takes time. It ends with this value.
#[derive(Debug, Default)]
pub struct Step {
    span: Option<Span>,
    /// Of a step that only passes a trace on.
    within: Trace,
}

/// Why traces cannot be exported.
#[derive(Debug, thiserror::Error)]
#[error("traces cannot be exported to {endpoint:?}: {reason}")]
pub struct ExportError {
    endpoint: String,
    reason: String,
}

/// Sends what is left at the end.
#[derive(Debug)]
pub struct Exporter(SdkTracerProvider);

impl Drop for Exporter {
    fn drop(&mut self) {
        // A collector that is away loses what it would have got.
        let _ = self.0.shutdown();
    }
}

/// Exports traces to this collector (`http://host:4318`), for a share of events between 0 and 1, in the name of this
/// process.
pub fn export(endpoint: &str, sample: f64, instance: &str) -> Result<Exporter, ExportError> {
    let failed = |reason: String| ExportError {
        endpoint: endpoint.to_owned(),
        reason,
    };
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
        .build()
        .map_err(|error| failed(error.to_string()))?;
    let resource = Resource::builder()
        .with_service_name("guildhall")
        .with_attribute(KeyValue::new("service.instance.id", instance.to_owned()))
        .build();
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource)
        .build();
    let tracer = provider.tracer("guildhall");
    EXPORTING
        .set(Exporting { tracer, sample })
        .map_err(|_| failed("they are exported already".into()))?;
    Ok(Exporter(provider))
}

impl Trace {
    /// Begins a trace, for as many events as are sampled.
    pub fn begin(name: &'static str) -> Step {
        let followed = EXPORTING
            .get()
            .filter(|exporting| rand::random::<f64>() < exporting.sample);
        Step {
            span: followed.map(|exporting| start(exporting, name, &Context::new())),
            within: Self::default(),
        }
    }

    /// A step of this trace.
    pub fn step(self, name: &'static str) -> Step {
        let (Some((trace, span)), Some(exporting)) = (self.0, EXPORTING.get()) else {
            return Step {
                span: None,
                within: self,
            };
        };
        let context = SpanContext::new(
            TraceId::from(trace),
            SpanId::from(span),
            TraceFlags::SAMPLED,
            true,
            TraceState::default(),
        );
        Step {
            span: Some(start(
                exporting,
                name,
                &Context::new().with_remote_span_context(context),
            )),
            within: self,
        }
    }

    /// Reads the header `traceparent` (W3C Trace Context, 3.2); nothing for one that is malformed or not sampled.
    pub fn from_header(header: &str) -> Self {
        let mut parts = header.split('-');
        let mut part = |digits: usize| {
            let part = parts.next().filter(|part| part.len() == digits)?;
            u128::from_str_radix(part, 16).ok()
        };
        let read = (|| {
            let (0, trace, span, flags) = (part(2)?, part(32)?, part(16)?, part(2)?) else {
                return None;
            };
            let span = u64::try_from(span).ok()?;
            (trace != 0 && span != 0 && flags & 1 == 1).then_some((trace, span))
        })();
        Self(read)
    }

    /// The header `traceparent`; none where nothing is followed.
    pub fn to_header(self) -> Option<String> {
        self.0.map(|(trace, span)| format!("00-{trace:032x}-{span:016x}-01"))
    }
}

fn start(exporting: &Exporting, name: &'static str, parent: &Context) -> Span {
    let builder = SpanBuilder::from_name(name).with_kind(SpanKind::Internal);
    exporting.tracer.build_with_context(builder, parent)
}

impl Step {
    /// What follows from this step belongs here.
    pub fn trace(&self) -> Trace {
        match &self.span {
            Some(span) => {
                let context = span.span_context();
                let (trace, span) = (context.trace_id().to_bytes(), context.span_id().to_bytes());
                Trace(Some((u128::from_be_bytes(trace), u64::from_be_bytes(span))))
            }
            None => self.within,
        }
    }

    /// Says something of the step.
    pub fn note(&mut self, key: &'static str, value: impl Into<Value>) {
        if let Some(span) = &mut self.span {
            span.set_attribute(KeyValue::new(key, value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_and_written_and_bad_ones_are_no_trace() {
        let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(Trace::from_header(header).to_header().as_deref(), Some(header));
        for none in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf9-00f067aa0ba902b7-01",
        ] {
            assert_eq!(Trace::from_header(none), Trace::default(), "{none}");
        }
    }

    #[test]
    fn without_an_exporter_a_trace_is_only_passed_on() {
        assert_eq!(Trace::begin("nothing").trace(), Trace::default());
        let trace = Trace::from_header("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        assert_eq!(trace.step("nothing").trace(), trace);
    }
}

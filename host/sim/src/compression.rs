//! Transport compression: one context per connection, flushed after every payload (Discord, Gateway, Transport
//! Compression).

use flate2::{Compress, Compression, FlushCompress};
use zstd::stream::raw::{Encoder, InBuffer, Operation, OutBuffer};

pub(crate) enum Transport {
    Plain,
    Zlib(Box<Compress>),
    Zstd(Box<Encoder<'static>>),
}

impl Transport {
    /// The transport that a client asked for with `compress=`; none for a name that Discord does not know.
    pub(crate) fn named(name: Option<&str>) -> Option<Self> {
        match name {
            None => Some(Self::Plain),
            Some("zlib-stream") => Some(Self::Zlib(Box::new(Compress::new(Compression::fast(), true)))),
            Some("zstd-stream") => Encoder::new(1).ok().map(Box::new).map(Self::Zstd),
            Some(_) => None,
        }
    }

    /// The payload as a binary message; none when it goes as text.
    pub(crate) fn compress(&mut self, payload: &str) -> std::io::Result<Option<Vec<u8>>> {
        match self {
            Self::Plain => Ok(None),
            Self::Zlib(zlib) => {
                let mut output = Vec::with_capacity(payload.len() + 64);
                let before = zlib.total_in();
                loop {
                    let consumed = usize::try_from(zlib.total_in() - before).unwrap_or(usize::MAX);
                    zlib.compress_vec(&payload.as_bytes()[consumed..], &mut output, FlushCompress::Sync)?;
                    if output.len() < output.capacity() {
                        return Ok(Some(output));
                    }
                    output.reserve(output.capacity().max(64));
                }
            }
            Self::Zstd(zstd) => {
                let mut output = vec![0; payload.len() + 1024];
                let mut written = 0;
                let mut input = InBuffer::around(payload.as_bytes());
                while input.pos < payload.len() {
                    let mut buffer = OutBuffer::around(&mut output[written..]);
                    zstd.run(&mut input, &mut buffer)?;
                    written += buffer.pos();
                    grow(&mut output, written);
                }
                loop {
                    let mut buffer = OutBuffer::around(&mut output[written..]);
                    let left = zstd.flush(&mut buffer)?;
                    written += buffer.pos();
                    if left == 0 {
                        output.truncate(written);
                        return Ok(Some(output));
                    }
                    grow(&mut output, written);
                }
            }
        }
    }
}

fn grow(output: &mut Vec<u8>, written: usize) {
    if output.len() - written < 512 {
        output.resize(output.len() * 2, 0);
    }
}

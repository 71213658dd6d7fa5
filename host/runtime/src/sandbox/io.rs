//! `wasi:io`, and sockets, for guests that nothing is behind: whatever a guest waits for is there at once, or it traps.
//!
//! `wasmtime-wasi` waits in a tokio runtime. That can be done neither by a thread that is tokio's own, which runs small requests
//! itself, nor by a worker: no deadline ends a call while the host waits on the guest's behalf.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use wasmtime_wasi::p2::bindings::io::poll as async_poll;
use wasmtime_wasi::p2::bindings::io::streams as async_streams;
use wasmtime_wasi::p2::bindings::sync::io::{poll, streams};
use wasmtime_wasi::p2::bindings::sync::sockets::network::{ErrorCode, IpAddressFamily};
use wasmtime_wasi::p2::{
    DynInputStream, DynOutputStream, DynPollable, StreamError, StreamResult, TcpSocket, UdpSocket,
};

use super::Guest;

/// As `wasmtime_wasi` links them.
const CREATE_TCP: &str = "wasi:sockets/tcp-create-socket@0.2.12";
const CREATE_UDP: &str = "wasi:sockets/udp-create-socket@0.2.12";

/// Links `wasi:io` in place of the one that waits, and sockets that cannot be made.
pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    poll::add_to_linker::<Guest, HasAtOnce>(linker, |guest| AtOnce(&mut guest.table))?;
    streams::add_to_linker::<Guest, HasAtOnce>(linker, |guest| AtOnce(&mut guest.table))?;
    linker.instance(CREATE_TCP)?.func_wrap(
        "create-tcp-socket",
        |_, (_,): (IpAddressFamily,)| -> wasmtime::Result<(Result<Resource<TcpSocket>, _>,)> {
            Ok((Err(ErrorCode::AccessDenied),))
        },
    )?;
    linker.instance(CREATE_UDP)?.func_wrap(
        "create-udp-socket",
        |_, (_,): (IpAddressFamily,)| -> wasmtime::Result<(Result<Resource<UdpSocket>, _>,)> {
            Ok((Err(ErrorCode::AccessDenied),))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

struct HasAtOnce;

impl HasData for HasAtOnce {
    type Data<'a> = AtOnce<'a>;
}

/// The streams and pollables of a guest.
struct AtOnce<'a>(&'a mut ResourceTable);

/// What a future comes to at once; an error, if it has to be waited for.
fn at_once<T>(future: impl Future<Output = T>) -> wasmtime::Result<T> {
    let mut nobody = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut nobody) {
        Poll::Ready(ready) => Ok(ready),
        Poll::Pending => Err(wasmtime::Error::msg(
            "it wants to wait, which no plugin can: there is nothing that could come",
        )),
    }
}

/// The same for what streams do.
fn done_at_once<T>(future: impl Future<Output = StreamResult<T>>) -> StreamResult<T> {
    at_once(future).map_err(StreamError::Trap)?
}

impl poll::Host for AtOnce<'_> {
    fn poll(&mut self, pollables: Vec<Resource<DynPollable>>) -> wasmtime::Result<Vec<u32>> {
        at_once(async_poll::Host::poll(self.0, pollables))?
    }
}

impl poll::HostPollable for AtOnce<'_> {
    fn ready(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<bool> {
        at_once(async_poll::HostPollable::ready(self.0, pollable))?
    }

    fn block(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        at_once(async_poll::HostPollable::block(self.0, pollable))?
    }

    fn drop(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        poll::HostPollable::drop(self.0, pollable)
    }
}

impl streams::Host for AtOnce<'_> {
    fn convert_stream_error(
        &mut self,
        error: StreamError,
    ) -> wasmtime::Result<streams::StreamError> {
        streams::Host::convert_stream_error(self.0, error)
    }
}

impl streams::HostOutputStream for AtOnce<'_> {
    fn drop(&mut self, stream: Resource<DynOutputStream>) -> wasmtime::Result<()> {
        at_once(async_streams::HostOutputStream::drop(self.0, stream))?
    }

    fn check_write(&mut self, stream: Resource<DynOutputStream>) -> StreamResult<u64> {
        streams::HostOutputStream::check_write(self.0, stream)
    }

    fn write(&mut self, stream: Resource<DynOutputStream>, bytes: Vec<u8>) -> StreamResult<()> {
        streams::HostOutputStream::write(self.0, stream, bytes)
    }

    fn blocking_write_and_flush(
        &mut self,
        stream: Resource<DynOutputStream>,
        bytes: Vec<u8>,
    ) -> StreamResult<()> {
        let written =
            async_streams::HostOutputStream::blocking_write_and_flush(self.0, stream, bytes);
        done_at_once(written)
    }

    fn blocking_write_zeroes_and_flush(
        &mut self,
        stream: Resource<DynOutputStream>,
        length: u64,
    ) -> StreamResult<()> {
        let written = async_streams::HostOutputStream::blocking_write_zeroes_and_flush(
            self.0, stream, length,
        );
        done_at_once(written)
    }

    fn subscribe(
        &mut self,
        stream: Resource<DynOutputStream>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        streams::HostOutputStream::subscribe(self.0, stream)
    }

    fn write_zeroes(&mut self, stream: Resource<DynOutputStream>, length: u64) -> StreamResult<()> {
        streams::HostOutputStream::write_zeroes(self.0, stream, length)
    }

    fn flush(&mut self, stream: Resource<DynOutputStream>) -> StreamResult<()> {
        streams::HostOutputStream::flush(self.0, stream)
    }

    fn blocking_flush(&mut self, stream: Resource<DynOutputStream>) -> StreamResult<()> {
        let flushed = async_streams::HostOutputStream::blocking_flush(self.0, stream);
        done_at_once(flushed)
    }

    fn splice(
        &mut self,
        to: Resource<DynOutputStream>,
        from: Resource<DynInputStream>,
        length: u64,
    ) -> StreamResult<u64> {
        streams::HostOutputStream::splice(self.0, to, from, length)
    }

    fn blocking_splice(
        &mut self,
        to: Resource<DynOutputStream>,
        from: Resource<DynInputStream>,
        length: u64,
    ) -> StreamResult<u64> {
        let spliced = async_streams::HostOutputStream::blocking_splice(self.0, to, from, length);
        done_at_once(spliced)
    }
}

impl streams::HostInputStream for AtOnce<'_> {
    fn drop(&mut self, stream: Resource<DynInputStream>) -> wasmtime::Result<()> {
        at_once(async_streams::HostInputStream::drop(self.0, stream))?
    }

    fn read(&mut self, stream: Resource<DynInputStream>, length: u64) -> StreamResult<Vec<u8>> {
        streams::HostInputStream::read(self.0, stream, length)
    }

    fn blocking_read(
        &mut self,
        stream: Resource<DynInputStream>,
        length: u64,
    ) -> StreamResult<Vec<u8>> {
        let read = async_streams::HostInputStream::blocking_read(self.0, stream, length);
        done_at_once(read)
    }

    fn skip(&mut self, stream: Resource<DynInputStream>, length: u64) -> StreamResult<u64> {
        streams::HostInputStream::skip(self.0, stream, length)
    }

    fn blocking_skip(
        &mut self,
        stream: Resource<DynInputStream>,
        length: u64,
    ) -> StreamResult<u64> {
        let skipped = async_streams::HostInputStream::blocking_skip(self.0, stream, length);
        done_at_once(skipped)
    }

    fn subscribe(
        &mut self,
        stream: Resource<DynInputStream>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        streams::HostInputStream::subscribe(self.0, stream)
    }
}

//! Sockets: accept, read, write. Nothing waits here.

use std::io::ErrorKind;

use touchline_sys::{Interest, now_ns};

use crate::GatewayError;
use crate::connection::{Connection, Io};
use crate::gateway::{ACCEPT_PAUSE_NS, CONNECTION_KEY, Gateway, LISTENER_KEY};

/// Connections accepted in one pass, at most.
const ACCEPT_BUDGET: usize = 16;

impl Gateway {
    /// Looks at every descriptor that is ready, once.
    pub(crate) fn take_sockets(&mut self, now: u64) -> Result<usize, GatewayError> {
        self.ready.clear();
        self.poller.0.wait(Some(0), &mut self.ready)?;
        let mut work_count = 0;
        for at in 0..self.ready.len() {
            let readiness = self.ready[at];
            if readiness.key == LISTENER_KEY {
                work_count += self.accept(now)?;
            } else if readiness.key >= CONNECTION_KEY && readiness.readable {
                let index = usize::try_from(readiness.key - CONNECTION_KEY).unwrap_or(usize::MAX);
                work_count += self.read(index);
            }
        }
        Ok(work_count)
    }

    fn accept(&mut self, now: u64) -> Result<usize, GatewayError> {
        for work_count in 0..ACCEPT_BUDGET {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                // A client that is gone again before it was accepted is nobody.
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted | ErrorKind::ConnectionAborted => continue,
                    ErrorKind::WouldBlock => return Ok(work_count),
                    _ => return self.pause_accepting(now).map(|()| work_count),
                },
            };
            let connections = &mut self.desk.connections;
            let free = connections.iter().position(Option::is_none).unwrap_or(connections.len());
            if free >= self.connections_max || self.is_closing {
                self.desk.orders.counters.too_many_connections += 1;
                continue;
            }
            let gateway = &self.venue.gateway;
            let opened = Connection::new(
                stream,
                gateway.message_bytes_max,
                gateway.send_queue_bytes_max,
                now,
            );
            let Ok(connection) = opened else { continue };
            let key = CONNECTION_KEY + free as u64;
            if self.poller.0.add(connection.fd(), key, Interest::Read).is_err() {
                continue;
            }
            if free == connections.len() {
                connections.push(Some(connection));
            } else {
                connections[free] = Some(connection);
            }
            self.desk.orders.counters.accepted += 1;
        }
        Ok(ACCEPT_BUDGET)
    }

    /// Descriptors or memory are used up: the listener would stay readable, and the agent would do
    /// nothing but fail to accept. Those who wait are accepted later.
    fn pause_accepting(&mut self, now: u64) -> Result<(), GatewayError> {
        self.desk.orders.counters.accepts_failed += 1;
        self.poller.0.remove(&self.listener)?;
        let again_ns = now.saturating_add(ACCEPT_PAUSE_NS);
        self.accept_again_ns = Some(again_ns);
        self.next_timer_ns = self.next_timer_ns.min(again_ns);
        Ok(())
    }

    /// Listens again when the pause is over; returns whether it did.
    pub(crate) fn resume_accepting(&mut self, now: u64) -> Result<usize, GatewayError> {
        if self.accept_again_ns.is_none_or(|again_ns| now < again_ns) {
            return Ok(0);
        }
        self.accept_again_ns = None;
        self.poller.0.add(&self.listener, LISTENER_KEY, Interest::Read)?;
        Ok(1)
    }

    fn read(&mut self, index: usize) -> usize {
        let Some(Some(connection)) = self.desk.connections.get_mut(index) else { return 0 };
        match connection.read() {
            Io::Bytes(0) => 0,
            Io::Bytes(count) => {
                self.desk.orders.counters.bytes_in += count as u64;
                // The time of the first byte that could be read, for every order among them.
                1 + self.desk.take_messages(index, now_ns())
            }
            Io::Gone => {
                self.desk.drop_connection(index, "the client closed the connection");
                1
            }
        }
    }

    /// Writes what every queue holds, as far as its socket has room. What the logs must hold, they
    /// hold by now.
    pub(crate) fn write_sockets(&mut self, now: u64) -> Result<usize, GatewayError> {
        let mut work_count = 0;
        for index in 0..self.desk.connections.len() {
            self.desk.close_if_asked(index, now);
            let Some(connection) = self.desk.connections[index].as_mut() else { continue };
            if connection.queue.is_overrun() {
                self.desk.drop_connection(index, "the client does not read");
                work_count += 1;
                continue;
            }
            let waiting_bytes = connection.queue.len_bytes();
            if waiting_bytes == 0 && connection.close_by_ns.is_none() {
                continue;
            }
            let Io::Bytes(count) = connection.write() else {
                self.desk.drop_connection(index, "the client closed the connection");
                continue;
            };
            if count > 0 {
                work_count += 1;
                let counters = &mut self.desk.orders.counters;
                counters.bytes_out += count as u64;
                counters.socket_writes += 1;
                let mut socket_tx = 0;
                while let Some(times) = connection.queue.next_sent_mark() {
                    socket_tx = if socket_tx == 0 { now_ns() } else { socket_tx };
                    self.hops.record(&times, socket_tx);
                }
            }
            let waits_for_room = connection.queue.len_bytes() > 0;
            if waits_for_room != connection.waits_for_room {
                connection.waits_for_room = waits_for_room;
                let interest = if waits_for_room { Interest::ReadWrite } else { Interest::Read };
                let key = CONNECTION_KEY + index as u64;
                self.poller.0.modify(connection.fd(), key, interest)?;
            }
        }
        Ok(work_count)
    }
}

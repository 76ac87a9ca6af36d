//! One simulated member: a real FIX session over a real socket, which survives the venue's restart.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use touchline_fix::{Fields, Frame, Framer, Message, Writer};
use touchline_session::{
    DisconnectReason, MemoryStore, Numbers, Outbox, Session, SessionConfig, SessionId, Turn,
};

/// Longest message taken from the venue, bytes.
const MESSAGE_BYTES_MAX: usize = 8192;

/// Why a member could not be made.
#[derive(Debug)]
pub struct ClientError(pub String);

impl std::fmt::Display for ClientError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for ClientError {}

/// A member's FIX session. Sequence numbers and sent messages live as long as it does.
#[derive(Debug)]
pub struct Client {
    id: SessionId,
    address: SocketAddr,
    session: Session,
    store: MemoryStore,
    stream: Option<TcpStream>,
    outbox: Outbox,
    received: Vec<u8>,
    kept: Vec<u8>,
    fields: Fields,
    framer: Framer,
    /// Times that the connection was lost.
    pub disconnects: u64,
    last_reason: Option<DisconnectReason>,
}

impl Client {
    /// A member that is not connected yet. Numbers start at 1 on both sides with each run, so the
    /// first Logon of a run asks for a reset.
    ///
    /// # Errors
    ///
    /// If a CompID cannot stand in a FIX message.
    pub fn new(
        comp_id: &str,
        venue_comp_id: &str,
        address: SocketAddr,
    ) -> Result<Self, ClientError> {
        let id = SessionId::new(comp_id, venue_comp_id).map_err(|e| ClientError(e.to_string()))?;
        let session = Session::new(config(&id, true), Numbers::default())
            .map_err(|e| ClientError(e.to_string()))?;
        Ok(Self {
            id,
            address,
            session,
            store: MemoryStore::new(),
            stream: None,
            outbox: Outbox::new(),
            received: Vec::with_capacity(1 << 16),
            kept: Vec::new(),
            fields: Fields::new(),
            framer: Framer::new(MESSAGE_BYTES_MAX),
            disconnects: 0,
            last_reason: None,
        })
    }

    /// SenderCompID(49) of the member.
    #[must_use]
    pub fn comp_id(&self) -> &str {
        self.id.sender_comp_id()
    }

    /// The socket, for a poller; `None` while not connected.
    #[must_use]
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.stream.as_ref().map(AsFd::as_fd)
    }

    /// True while the session is up.
    #[must_use]
    pub fn is_logged_on(&self) -> bool {
        self.session.is_logged_on()
    }

    /// True while there is a connection, logged on or not.
    #[must_use]
    pub const fn is_connected(&self) -> bool {
        self.stream.is_some()
    }

    /// Why the session closed the connection last.
    #[must_use]
    pub const fn last_reason(&self) -> Option<DisconnectReason> {
        self.last_reason
    }

    /// Connects and sends the Logon. `false` if the venue does not accept connections now.
    pub fn connect(&mut self, now_ns: u64) -> bool {
        let Ok(stream) = TcpStream::connect_timeout(&self.address, Duration::from_millis(500))
        else {
            return false;
        };
        if stream.set_nodelay(true).is_err() || stream.set_nonblocking(true).is_err() {
            return false;
        }
        self.stream = Some(stream);
        self.received.clear();
        let mut turn = Turn { now_ns, store: &mut self.store, actions: &mut self.outbox };
        self.session.on_connect(&mut turn);
        self.flush();
        true
    }

    /// Goes on with the numbers that this run has reached, instead of a reset, at the next Logon.
    fn keep_numbers(&mut self) {
        let numbers = Numbers {
            next_inbound: self.store.next_inbound(),
            next_outbound: self.store.next_outbound(),
        };
        if let Ok(session) = Session::new(config(&self.id, false), numbers) {
            self.session = session;
        }
    }

    /// Sends an application message. While the session is down it is only stored, and goes out in
    /// answer to the venue's ResendRequest after the next Logon.
    ///
    /// # Errors
    ///
    /// If the message cannot be written.
    pub fn send(
        &mut self,
        now_ns: u64,
        msg_type: &[u8],
        body: impl FnOnce(&mut Writer<'_>),
    ) -> Result<(), ClientError> {
        let mut turn = Turn { now_ns, store: &mut self.store, actions: &mut self.outbox };
        self.session
            .send_app(msg_type, &mut turn, body)
            .map_err(|e| ClientError(format!("{e:?}")))?;
        self.flush();
        Ok(())
    }

    /// Asks the venue to close the session.
    pub fn logout(&mut self, now_ns: u64) {
        let mut turn = Turn { now_ns, store: &mut self.store, actions: &mut self.outbox };
        self.session.logout(Some("end of the flow"), &mut turn);
        self.flush();
    }

    /// Reads what has come, answers what the session answers, and calls `take` with each
    /// application message. Returns how many there were.
    pub fn pump(&mut self, now_ns: u64, mut take: impl FnMut(&Message<'_>)) -> usize {
        self.fill();
        let mut taken = 0;
        let mut start = 0;
        while let Some(rest) = self.received.get(start..).filter(|rest| !rest.is_empty()) {
            let mut turn = Turn { now_ns, store: &mut self.store, actions: &mut self.outbox };
            match self.framer.next(rest) {
                Frame::Incomplete { .. } => break,
                Frame::Message { len_bytes } => {
                    if let Some(Ok(message)) =
                        rest.get(..len_bytes).map(|bytes| Message::parse(bytes, &mut self.fields))
                        && self.session.on_message(&message, &mut turn).is_some()
                    {
                        taken += 1;
                        take(&message);
                    }
                    start += len_bytes;
                }
                Frame::OtherVersion { len_bytes } => start += len_bytes,
                Frame::Garbled { skip_bytes, reason } => {
                    self.session.on_garbled(reason, &mut turn);
                    start += skip_bytes;
                }
            }
            taken += self.take_kept(now_ns, &mut take);
        }
        self.received.drain(..start.min(self.received.len()));
        let mut turn = Turn { now_ns, store: &mut self.store, actions: &mut self.outbox };
        self.session.replay(usize::MAX, &mut turn);
        if self.session.next_timer_ns().is_some_and(|due| due <= now_ns) {
            self.session.on_timer(&mut turn);
        }
        self.flush();
        taken
    }

    fn take_kept(&mut self, now_ns: u64, take: &mut impl FnMut(&Message<'_>)) -> usize {
        let mut taken = 0;
        while self.session.next_kept(&mut self.store, &mut self.kept) {
            let mut turn = Turn { now_ns, store: &mut self.store, actions: &mut self.outbox };
            if let Ok(message) = Message::parse(&self.kept, &mut self.fields)
                && self.session.on_message(&message, &mut turn).is_some()
            {
                taken += 1;
                take(&message);
            }
        }
        taken
    }

    fn fill(&mut self) {
        let mut buffer = [0_u8; 1 << 14];
        while let Some(stream) = &mut self.stream {
            match stream.read(&mut buffer) {
                Ok(0) => self.lost(),
                Ok(count) => {
                    self.received.extend_from_slice(buffer.get(..count).unwrap_or(&[]));
                    if count < buffer.len() {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => self.lost(),
            }
        }
    }

    fn flush(&mut self) {
        let mut sent = 0;
        while let Some(stream) = &mut self.stream
            && let Some(rest) = self.outbox.bytes.get(sent..).filter(|rest| !rest.is_empty())
        {
            match stream.write(rest) {
                Ok(count) => sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    // The venue does not read: wait for it, this member has nothing else to do.
                    std::thread::sleep(Duration::from_micros(100));
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => self.lost(),
            }
        }
        if let Some(reason) = self.outbox.disconnect {
            self.last_reason = Some(reason);
            self.lost();
        }
        self.outbox.clear();
    }

    fn lost(&mut self) {
        if self.stream.take().is_some() {
            self.disconnects += 1;
            self.outbox.clear();
            self.received.clear();
            self.session.on_disconnect(&mut self.outbox);
            self.outbox.clear();
            self.keep_numbers();
        }
    }
}

fn config(id: &SessionId, reset_on_logon: bool) -> SessionConfig {
    let mut config = SessionConfig::initiator(id.clone(), 30);
    config.reset_on_logon = reset_on_logon;
    config.max_message_bytes = MESSAGE_BYTES_MAX;
    config.kept_messages_max = 1 << 16;
    config.kept_bytes_max = 1 << 26;
    config
}

//! Packets: a header and then messages, each `u16 size | messageHeader (8 bytes) | block`.
//!
//! Reading follows SBE 1.0 s.5 (schema extension): a template that this build does not know is
//! skipped, a block that is longer than ours is read as far as we know it. Everything else that
//! does not fit is a [`FeedError`] with the offset of the message. The framing of a whole packet is
//! checked before its first message is handed out.

use touchline_types::BadValue;

use crate::{
    OrderAdd, OrderCancel, OrderDelete, OrderExecute, OrderReplace, PACKET_BYTES_MAX, PacketFlags,
    PacketHeader, SCHEMA_ID, SCHEMA_VERSION, SecurityDefinition, SecurityStatus, SnapshotEnd,
    SnapshotOrder, SnapshotStart, Uncross,
};

/// Version of the packet header.
pub const PACKET_HEADER_VERSION: u8 = 1;
/// Bytes before a message's block: its size, and the standard SBE header.
pub const FRAME_BYTES: usize = 10;
/// Bytes of the standard SBE header.
const MESSAGE_HEADER_BYTES: usize = 8;

const _: () = assert!(PACKET_BYTES_MAX <= u16::MAX as usize);
const _: () = assert!(FRAME_BYTES == size_of::<u16>() + MESSAGE_HEADER_BYTES);

/// What is wrong with a packet. `offset` is where the message starts in the packet, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedError {
    /// The packet is shorter than a packet header.
    Short {
        /// Its length, bytes.
        len: usize,
    },
    /// The packet header is of another version.
    HeaderVersion {
        /// The version it names.
        version: u8,
    },
    /// A message's size is less than its header, or more than the packet still holds.
    Size {
        /// Where.
        offset: usize,
        /// The size it names, bytes; 0 where the packet ends before the size.
        size: usize,
        /// What the packet holds from there on, bytes.
        left: usize,
    },
    /// A message is of another schema.
    Schema {
        /// Where.
        offset: usize,
        /// The schema it names.
        schema_id: u16,
    },
    /// A block is longer than its message, or shorter than its template.
    Block {
        /// Where.
        offset: usize,
        /// SBE template.
        template_id: u16,
        /// The length it names, bytes.
        block_length: usize,
        /// The length that the message has room for, or that the template needs.
        expected: usize,
    },
    /// The packet goes on behind the number of messages that its header names.
    Trailing {
        /// Where.
        offset: usize,
        /// Bytes behind the last message.
        left: usize,
    },
    /// A field holds a value that its type does not know.
    Value {
        /// Where.
        offset: usize,
        /// SBE template.
        template_id: u16,
        /// The field's type and what it held.
        bad: BadValue,
    },
}

impl core::fmt::Display for FeedError {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match *self {
            Self::Short { len } => write!(out, "packet of {len} bytes is shorter than its header"),
            Self::HeaderVersion { version } => {
                write!(out, "packet header of version {version}, not {PACKET_HEADER_VERSION}")
            }
            Self::Size { offset, size, left } => {
                write!(out, "message at byte {offset} names {size} bytes, the packet has {left}")
            }
            Self::Schema { offset, schema_id } => {
                write!(out, "message at byte {offset} is of schema {schema_id}, not {SCHEMA_ID}")
            }
            Self::Block { offset, template_id, block_length, expected } => write!(
                out,
                "message at byte {offset}, template {template_id}: block of {block_length} bytes, \
                 not {expected}"
            ),
            Self::Trailing { offset, left } => {
                write!(out, "{left} bytes behind the last message, at byte {offset}")
            }
            Self::Value { offset, template_id, bad } => {
                write!(out, "message at byte {offset}, template {template_id}: {bad}")
            }
        }
    }
}

impl core::error::Error for FeedError {}

macro_rules! messages {
    ($($name:ident),* $(,)?) => {
        /// A message of the feed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Message {
            $(
                #[doc = concat!("See [`", stringify!($name), "`](crate::", stringify!($name), ").")]
                $name($name),
            )*
        }

        impl Message {
            /// SBE template id.
            #[must_use]
            pub const fn template_id(&self) -> u16 {
                match self { $(Self::$name(_) => $name::TEMPLATE_ID,)* }
            }

            /// Length of its block, bytes.
            #[must_use]
            pub const fn block_length(&self) -> usize {
                match self { $(Self::$name(_) => $name::BYTES,)* }
            }

            /// Its name in the schema.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$name(_) => stringify!($name),)* }
            }

            /// Writes the block to the start of `out`; false if it has no room.
            #[inline]
            fn encode_block(&self, out: &mut [u8]) -> bool {
                match self {$(
                    Self::$name(message) => match out.first_chunk_mut::<{ $name::BYTES }>() {
                        Some(block) => { message.encode(block); true }
                        None => false,
                    },
                )*}
            }

            /// Reads a block; `None` for a template that this build does not know.
            #[inline]
            fn decode_block(frame: &Frame<'_>) -> Result<Option<Self>, FeedError> {
                let Frame { offset, template_id, block, .. } = *frame;
                match template_id {
                    $($name::TEMPLATE_ID => match block.first_chunk::<{ $name::BYTES }>() {
                        Some(block) => match $name::decode(block) {
                            Ok(message) => Ok(Some(Self::$name(message))),
                            Err(bad) => Err(FeedError::Value { offset, template_id, bad }),
                        },
                        None => Err(FeedError::Block {
                            offset, template_id, block_length: block.len(), expected: $name::BYTES,
                        }),
                    },)*
                    _ => Ok(None),
                }
            }
        }

        $(
            impl From<$name> for Message {
                fn from(message: $name) -> Self {
                    Self::$name(message)
                }
            }
            const _: () =
                assert!($name::BYTES + FRAME_BYTES + PacketHeader::BYTES <= PACKET_BYTES_MAX);
        )*
    };
}

messages!(
    OrderAdd,
    OrderExecute,
    OrderCancel,
    OrderDelete,
    OrderReplace,
    SecurityStatus,
    Uncross,
    SnapshotStart,
    SnapshotOrder,
    SnapshotEnd,
    SecurityDefinition,
);

/// Builds one packet after the other in one buffer. No message is split over packets.
#[derive(Clone, Debug)]
pub struct PacketWriter {
    buffer: [u8; PACKET_BYTES_MAX],
    len: usize,
    session: u64,
    channel: u16,
    count: u16,
}

impl PacketWriter {
    /// A writer of a channel's packets in a session.
    #[must_use]
    pub const fn new(session: u64, channel: u16) -> Self {
        Self { buffer: [0; PACKET_BYTES_MAX], len: PacketHeader::BYTES, session, channel, count: 0 }
    }

    /// Adds a message; false if the packet has no room for it, which then stays as it was.
    #[inline]
    pub fn try_push(&mut self, message: &Message) -> bool {
        let block_length = message.block_length();
        let Some((frame, block)) = self
            .buffer
            .get_mut(self.len..)
            .and_then(|rest| rest.split_first_chunk_mut::<FRAME_BYTES>())
        else {
            return false;
        };
        if !message.encode_block(block) {
            return false;
        }
        // Block lengths are constants far below u16::MAX: asserted for each template above.
        let length = u16::try_from(block_length).unwrap_or(u16::MAX);
        let size = length.saturating_add(MESSAGE_HEADER_BYTES as u16);
        let fields = [size, length, message.template_id(), SCHEMA_ID, SCHEMA_VERSION];
        for (bytes, field) in frame.chunks_exact_mut(2).zip(fields) {
            bytes.copy_from_slice(&field.to_le_bytes());
        }
        self.len = self.len.saturating_add(FRAME_BYTES).saturating_add(block_length);
        self.count = self.count.saturating_add(1);
        true
    }

    /// Messages in the packet so far.
    #[must_use]
    pub const fn count(&self) -> u16 {
        self.count
    }

    /// True without a message.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Writes the header and gives the packet. Without a message it is a heartbeat, and `sequence`
    /// that of the next packet. The writer keeps the messages until [`clear`](Self::clear).
    #[inline]
    pub fn finish(
        &mut self,
        sequence: u64,
        send_time: u64,
        matching_time: u64,
        flags: PacketFlags,
    ) -> &[u8] {
        let header = PacketHeader {
            session: self.session,
            sequence,
            send_time,
            matching_time,
            channel: self.channel,
            count: self.count,
            flags: flags.0,
            version: PACKET_HEADER_VERSION,
            reserved: 0,
        };
        if let Some(block) = self.buffer.first_chunk_mut::<{ PacketHeader::BYTES }>() {
            header.encode(block);
        }
        self.packet()
    }

    /// The packet as it was finished last.
    #[must_use]
    pub fn packet(&self) -> &[u8] {
        self.buffer.get(..self.len).unwrap_or(&self.buffer)
    }

    /// Starts the next packet.
    pub const fn clear(&mut self) {
        self.len = PacketHeader::BYTES;
        self.count = 0;
    }

    /// Starts the first packet of another session.
    pub const fn start_session(&mut self, session: u64) {
        self.session = session;
        self.clear();
    }
}

/// Reads the header of a packet and checks the framing of all its messages.
///
/// # Errors
///
/// [`FeedError`] with the place of what does not fit.
#[inline]
pub fn read_packet(packet: &[u8]) -> Result<(PacketHeader, Messages<'_>), FeedError> {
    let short = FeedError::Short { len: packet.len() };
    let Some((block, rest)) = packet.split_first_chunk::<{ PacketHeader::BYTES }>() else {
        return Err(short);
    };
    let header = PacketHeader::decode(block).map_err(|_| short)?;
    if header.version != PACKET_HEADER_VERSION {
        return Err(FeedError::HeaderVersion { version: header.version });
    }
    let messages = Messages { rest, offset: PacketHeader::BYTES, left: header.count, unknown: 0 };
    let mut walk = messages;
    while walk.left > 0 {
        walk.frame()?;
    }
    if !walk.rest.is_empty() {
        return Err(FeedError::Trailing { offset: walk.offset, left: walk.rest.len() });
    }
    Ok((header, messages))
}

/// The messages of a packet, in order. An error does not end the iteration: the frames are sound.
#[derive(Clone, Copy, Debug)]
pub struct Messages<'a> {
    rest: &'a [u8],
    offset: usize,
    left: u16,
    unknown: u16,
}

/// One message as it lies in the packet.
struct Frame<'a> {
    offset: usize,
    template_id: u16,
    block: &'a [u8],
}

impl<'a> Messages<'a> {
    /// Messages of templates that this build does not know, skipped so far.
    #[must_use]
    pub const fn unknown(&self) -> u16 {
        self.unknown
    }

    /// Takes the next frame.
    #[inline]
    fn frame(&mut self) -> Result<Frame<'a>, FeedError> {
        let (offset, left) = (self.offset, self.rest.len());
        let Some((size, rest)) = self.rest.split_first_chunk::<2>() else {
            return Err(FeedError::Size { offset, size: 0, left });
        };
        let size = usize::from(u16::from_le_bytes(*size));
        let lies = FeedError::Size { offset, size, left };
        let (message, rest) = rest.split_at_checked(size).ok_or(lies)?;
        let (header, body) = message.split_first_chunk::<MESSAGE_HEADER_BYTES>().ok_or(lies)?;
        let [block_length, template_id, schema_id, _version] = fields(header);
        if schema_id != SCHEMA_ID {
            return Err(FeedError::Schema { offset, schema_id });
        }
        let block_length = usize::from(block_length);
        let expected = body.len();
        let block = body.get(..block_length).ok_or(FeedError::Block {
            offset,
            template_id,
            block_length,
            expected,
        })?;
        self.rest = rest;
        self.offset = offset.saturating_add(2).saturating_add(size);
        self.left = self.left.saturating_sub(1);
        Ok(Frame { offset, template_id, block })
    }
}

impl Iterator for Messages<'_> {
    type Item = Result<Message, FeedError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        while self.left > 0 {
            let read = self.frame().and_then(|frame| Message::decode_block(&frame));
            match read {
                Ok(Some(message)) => return Some(Ok(message)),
                Ok(None) => self.unknown = self.unknown.saturating_add(1),
                Err(error) => return Some(Err(error)),
            }
        }
        None
    }
}

/// The four words of the standard SBE header.
#[inline]
fn fields(header: &[u8; MESSAGE_HEADER_BYTES]) -> [u16; 4] {
    let [a, b, c, d, e, f, g, h] = *header;
    [
        u16::from_le_bytes([a, b]),
        u16::from_le_bytes([c, d]),
        u16::from_le_bytes([e, f]),
        u16::from_le_bytes([g, h]),
    ]
}

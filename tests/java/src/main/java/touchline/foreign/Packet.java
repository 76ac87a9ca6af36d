package touchline.foreign;

import java.nio.ByteOrder;
import org.agrona.DirectBuffer;
import touchline.feed.MessageHeaderDecoder;
import touchline.feed.PacketHeaderDecoder;

/** Walks over a packet: its header, then messages, each with its size in front. */
final class Packet {
    static final int SIZE_BYTES = Short.BYTES;

    private final PacketHeaderDecoder header = new PacketHeaderDecoder();
    private final MessageHeaderDecoder message = new MessageHeaderDecoder();

    /** Takes the messages of a packet. */
    interface Reader {
        /** Once a packet; false if its messages are of no interest. */
        boolean header(PacketHeaderDecoder header);

        /** Once a message; the block starts at {@code offset}. */
        void message(MessageHeaderDecoder header, DirectBuffer buffer, int offset);
    }

    /**
     * Reads one packet.
     *
     * @throws IllegalArgumentException where it contradicts itself, with the place.
     */
    void read(final DirectBuffer buffer, final int length, final Reader reader) {
        require(length >= PacketHeaderDecoder.ENCODED_LENGTH, "packet header", 0);
        header.wrap(buffer, 0);
        require(header.version() == 1, "version of the packet header", 0);
        if (!reader.header(header)) {
            return;
        }
        int offset = PacketHeaderDecoder.ENCODED_LENGTH;
        for (int left = header.count(); left > 0; left--) {
            final int start = offset + SIZE_BYTES;
            require(start + MessageHeaderDecoder.ENCODED_LENGTH <= length, "header", offset);
            final int end = start + (buffer.getShort(offset, ByteOrder.LITTLE_ENDIAN) & 0xffff);
            require(end <= length, "size", offset);
            message.wrap(buffer, start);
            final int block = start + MessageHeaderDecoder.ENCODED_LENGTH;
            require(block + message.blockLength() <= end, "block length", offset);
            require(message.schemaId() == MessageHeaderDecoder.SCHEMA_ID, "schema", offset);
            reader.message(message, buffer, block);
            offset = end;
        }
        require(offset == length, "bytes behind the last message", offset);
    }

    private static void require(final boolean holds, final String what, final int offset) {
        if (!holds) {
            throw new IllegalArgumentException("message at byte " + offset + ": " + what);
        }
    }
}

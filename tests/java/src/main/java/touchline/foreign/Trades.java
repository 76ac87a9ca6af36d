package touchline.foreign;

import java.io.PrintStream;
import org.agrona.DirectBuffer;
import touchline.feed.MessageHeaderDecoder;
import touchline.feed.OrderExecuteDecoder;
import touchline.feed.PacketFlagsDecoder;
import touchline.feed.PacketHeaderDecoder;

/** Prints the trades of one line of an incremental channel, a line each. */
final class Trades implements Packet.Reader {
    private final Packet packet = new Packet();
    private final PacketFlagsDecoder flags = new PacketFlagsDecoder();
    private final OrderExecuteDecoder execute = new OrderExecuteDecoder();
    private final PrintStream out;
    private long session;
    private long sequence;
    private long lost;
    private boolean ended;

    Trades(final PrintStream out) {
        this.out = out;
    }

    /**
     * Takes a packet.
     *
     * @return false after the end of the session.
     */
    boolean packet(final DirectBuffer buffer, final int length) {
        packet.read(buffer, length, this);
        return !ended;
    }

    /** Refuses to have read a line with holes: the list of trades would be short. */
    void requireNoGap() {
        if (lost != 0) {
            throw new IllegalStateException(lost + " packets are missing");
        }
    }

    @Override
    public boolean header(final PacketHeaderDecoder header) {
        flags.wrap(header.buffer(), header.offset() + PacketHeaderDecoder.flagsEncodingOffset());
        if (!flags.incremental()) {
            return false;
        }
        if (header.session() != session) {
            session = header.session();
            sequence = header.sequence();
        }
        lost += header.sequence() - sequence;
        // A heartbeat has the number of the packet that will come next.
        sequence = header.sequence() + (header.count() == 0 ? 0 : 1);
        ended = flags.endOfSession();
        return true;
    }

    @Override
    public void message(
            final MessageHeaderDecoder header, final DirectBuffer buffer, final int offset) {
        if (header.templateId() != OrderExecuteDecoder.TEMPLATE_ID) {
            return;
        }
        execute.wrap(buffer, offset, header.blockLength(), header.version());
        if (execute.indicator().printable()) {
            out.println(
                    execute.instrument_id()
                            + " "
                            + execute.last_px()
                            + " "
                            + Long.toUnsignedString(execute.last_qty())
                            + " "
                            + Long.toUnsignedString(execute.trd_match_id())
                            + " "
                            + execute.aggressor_side());
        }
    }
}

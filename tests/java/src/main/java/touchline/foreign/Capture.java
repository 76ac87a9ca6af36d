package touchline.foreign;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/** Reads the UDP datagrams of a capture file: classic pcap, little endian, Ethernet or plain IPv4. */
final class Capture {
    private static final int MAGIC_MICROSECONDS = 0xa1b2c3d4;
    private static final int MAGIC_NANOSECONDS = 0xa1b23c4d;
    private static final int FILE_HEADER_BYTES = 24;
    private static final int RECORD_HEADER_BYTES = 16;
    private static final int ETHERNET = 1;
    private static final int RAW_IP = 101;
    private static final int ETHERNET_BYTES = 14;
    private static final int UDP = 17;
    private static final int UDP_BYTES = 8;

    /** Takes datagrams; false ends the reading. */
    interface Taker {
        boolean take(DirectBuffer datagram, int length);
    }

    private Capture() {}

    /**
     * Gives every UDP datagram of a file, in its order.
     *
     * @throws IOException if the file cannot be read, or is no such capture.
     */
    static void read(final Path path, final Taker taker) throws IOException {
        final ByteBuffer file =
                ByteBuffer.wrap(Files.readAllBytes(path)).order(ByteOrder.LITTLE_ENDIAN);
        final int magic = file.remaining() < FILE_HEADER_BYTES ? 0 : file.getInt(0);
        if (magic != MAGIC_MICROSECONDS && magic != MAGIC_NANOSECONDS) {
            throw new IOException(path + " is no little-endian pcap file");
        }
        final int link = file.getInt(20);
        if (link != ETHERNET && link != RAW_IP) {
            throw new IOException(path + " has link type " + link);
        }
        final var buffer = new UnsafeBuffer(file);
        int at = FILE_HEADER_BYTES;
        boolean goesOn = true;
        while (goesOn && at + RECORD_HEADER_BYTES <= file.limit()) {
            final int captured = file.getInt(at + 8);
            final int packet = at + RECORD_HEADER_BYTES;
            if (captured < 0 || captured != file.getInt(at + 12) || packet + captured > file.limit()) {
                throw new IOException(path + " holds half a packet at byte " + at);
            }
            final int ip = packet + (link == ETHERNET ? ETHERNET_BYTES : 0);
            if (file.get(ip) >> 4 == 4 && file.get(ip + 9) == UDP) {
                final int udp = ip + (file.get(ip) & 0xf) * Integer.BYTES;
                final int length = (buffer.getShort(udp + 4, ByteOrder.BIG_ENDIAN) & 0xffff) - UDP_BYTES;
                goesOn = taker.take(new UnsafeBuffer(buffer, udp + UDP_BYTES, length), length);
            }
            at = packet + captured;
        }
    }
}

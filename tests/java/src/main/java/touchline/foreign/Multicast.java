package touchline.foreign;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.MulticastSocket;
import java.net.NetworkInterface;
import java.net.SocketTimeoutException;
import org.agrona.concurrent.UnsafeBuffer;

/** Reads the datagrams of a multicast group. */
final class Multicast {
    private static final int DATAGRAM_BYTES_MAX = 65_535;
    private static final int RECEIVE_BYTES = 4 << 20;

    private Multicast() {}

    /**
     * Gives every datagram, until the taker has enough or nothing comes for so long.
     *
     * @param group address and port, such as {@code 239.255.1.1:14310}.
     * @param address address of the interface to join on.
     * @throws IOException if the group cannot be joined.
     */
    static void read(
            final String group, final String address, final double idleS, final Capture.Taker taker)
            throws IOException {
        final int colon = group.lastIndexOf(':');
        final var host = InetAddress.getByName(group.substring(0, colon));
        final int port = Integer.parseInt(group.substring(colon + 1));
        // Bound to the group, so that other groups on the same port stay away.
        try (var socket = new MulticastSocket(new InetSocketAddress(host, port))) {
            socket.setReceiveBufferSize(RECEIVE_BYTES);
            socket.setSoTimeout((int) (idleS * 1_000));
            final var on = NetworkInterface.getByInetAddress(InetAddress.getByName(address));
            socket.joinGroup(new InetSocketAddress(host, port), on);
            System.err.println("joined");
            final var bytes = new byte[DATAGRAM_BYTES_MAX];
            final var buffer = new UnsafeBuffer(bytes);
            final var datagram = new DatagramPacket(bytes, bytes.length);
            boolean goesOn = true;
            while (goesOn) {
                datagram.setLength(bytes.length);
                socket.receive(datagram);
                goesOn = taker.take(buffer, datagram.getLength());
            }
        } catch (final SocketTimeoutException idle) {
            System.err.println("nothing came for " + idleS + " s");
        }
    }
}

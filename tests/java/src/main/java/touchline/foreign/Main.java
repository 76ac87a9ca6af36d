package touchline.foreign;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * A reader of the public feed that knows nothing of Touchline but its schema: every field is read
 * and written by classes that sbe-tool has generated.
 */
public final class Main {
    private static final String USAGE =
            """
            usage: foreign trades CAPTURE.pcap
                   foreign join GROUP:PORT INTERFACE_ADDRESS IDLE_SECONDS
                   foreign encode VECTORS
                   foreign decode VECTORS
            trades, join: prints instrument_id, price, qty, trd_match_id, aggressor_side of each trade
            encode, decode: prints the vectors with the bytes, or the values, as sbe-tool has them""";

    private Main() {}

    /** Runs one of the commands of {@link #USAGE}. */
    public static void main(final String[] arguments) throws IOException {
        final var out =
                new PrintStream(
                        new BufferedOutputStream(System.out), false, StandardCharsets.US_ASCII);
        final String command = arguments.length == 0 ? "" : arguments[0];
        if (command.equals("trades") && arguments.length == 2) {
            final var trades = new Trades(out);
            Capture.read(Path.of(arguments[1]), trades::packet);
            trades.requireNoGap();
        } else if (command.equals("join") && arguments.length == 4) {
            final var trades = new Trades(out);
            System.err.println("joining " + arguments[1]);
            Multicast.read(
                    arguments[1], arguments[2], Double.parseDouble(arguments[3]), trades::packet);
            trades.requireNoGap();
        } else if (command.equals("encode") && arguments.length == 2) {
            Vectors.encode(Path.of(arguments[1]), out);
        } else if (command.equals("decode") && arguments.length == 2) {
            Vectors.decode(Path.of(arguments[1]), out);
        } else {
            System.err.println(USAGE);
            System.exit(2);
        }
        out.flush();
    }
}

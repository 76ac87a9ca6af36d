package touchline.foreign;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.regex.Pattern;
import org.agrona.DirectBuffer;
import org.agrona.ExpandableArrayBuffer;
import org.agrona.concurrent.UnsafeBuffer;
import touchline.feed.MessageHeaderDecoder;
import touchline.feed.MessageHeaderEncoder;
import touchline.feed.PacketHeaderDecoder;

/**
 * Packets as text and as bytes. In a file of vectors a packet is a line for its header, a line for
 * each message, and a line {@code = <hex>} with its bytes:
 *
 * <pre>
 * PacketHeader { session: 7, sequence: 1, ... }
 * OrderDelete { seq: 9, side: Buy, indicator: {EndOfEvent}, reserved: [0, 0, 0, 0, 0, 0], ... }
 * = 0700...
 * </pre>
 */
final class Vectors {
    private static final Pattern LINE = Pattern.compile("(\\w+) \\{ (.*) }");
    private static final Pattern FIELD =
            Pattern.compile("(\\w+): (\\[[^]]*]|\\{[^}]*}|-?\\w+)(?:, |$)");
    private static final String HEADER = "PacketHeader";

    private Vectors() {}

    /** Prints the vectors of a file with the bytes that sbe-tool's encoders make of the values. */
    static void encode(final Path path, final PrintStream out) throws IOException {
        final var buffer = new ExpandableArrayBuffer();
        int end = 0;
        for (final String line : Files.readAllLines(path)) {
            final var parsed = LINE.matcher(line);
            if (parsed.matches()) {
                final String name = parsed.group(1);
                end = name.equals(HEADER) ? 0 : frame(name, buffer, end);
                final var encoder = Flyweight.encoder(name, buffer, end);
                final var fields = FIELD.matcher(parsed.group(2));
                while (fields.find()) {
                    encoder.put(fields.group(1), fields.group(2));
                }
                end += encoder.blockLength();
                out.println(line);
            } else {
                final var bytes = new byte[end];
                buffer.getBytes(0, bytes);
                out.println("= " + HexFormat.of().formatHex(bytes));
            }
        }
    }

    /** Writes size and header of a message; says where its block starts. */
    private static int frame(final String name, final ExpandableArrayBuffer buffer, final int at) {
        final int length = Flyweight.constant(name, "BLOCK_LENGTH");
        final int size = MessageHeaderEncoder.ENCODED_LENGTH + length;
        buffer.putShort(at, (short) size, ByteOrder.LITTLE_ENDIAN);
        new MessageHeaderEncoder()
                .wrap(buffer, at + Packet.SIZE_BYTES)
                .blockLength(length)
                .templateId(Flyweight.constant(name, "TEMPLATE_ID"))
                .schemaId(MessageHeaderEncoder.SCHEMA_ID)
                .version(MessageHeaderEncoder.SCHEMA_VERSION);
        return at + Packet.SIZE_BYTES + MessageHeaderEncoder.ENCODED_LENGTH;
    }

    /** Prints the vectors of a file with the values that sbe-tool's decoders read in the bytes. */
    static void decode(final Path path, final PrintStream out) throws IOException {
        final var lines = Files.readAllLines(path);
        int first = 0;
        for (int at = 0; at < lines.size(); at++) {
            if (lines.get(at).startsWith("= ")) {
                final byte[] bytes = HexFormat.of().parseHex(lines.get(at).substring(2));
                final var texts = lines.subList(first, at).iterator();
                new Packet().read(new UnsafeBuffer(bytes), bytes.length, new Packet.Reader() {
                    @Override
                    public boolean header(final PacketHeaderDecoder header) {
                        return print(texts.next(), HEADER, header.buffer(), header.offset());
                    }

                    @Override
                    public void message(
                            final MessageHeaderDecoder header,
                            final DirectBuffer buffer,
                            final int offset) {
                        final String text = texts.next();
                        final String name = text.substring(0, text.indexOf(' '));
                        if (header.templateId() == Flyweight.constant(name, "TEMPLATE_ID")) {
                            print(text, name, buffer, offset);
                        } else {
                            out.println("template " + header.templateId());
                        }
                    }

                    /** Prints the fields that the text names, with what the decoder reads. */
                    private boolean print(
                            final String text,
                            final String name,
                            final DirectBuffer buffer,
                            final int offset) {
                        final var decoder = Flyweight.decoder(name, buffer, offset);
                        final var read = new StringBuilder(name).append(" { ");
                        final var fields =
                                FIELD.matcher(
                                        text.substring(name.length() + 3, text.length() - 2));
                        while (fields.find()) {
                            read.append(fields.group(1)).append(": ");
                            read.append(decoder.get(fields.group(1), fields.group(2))).append(", ");
                        }
                        read.setLength(read.length() - 2);
                        out.println(read.append(" }"));
                        return true;
                    }
                });
                out.println(lines.get(at));
                first = at + 1;
            }
        }
    }
}

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;

/** Asks for a token, and with it for the region; prints statuses and region. */
class HttpClientToken {
  public static void main(String[] args) throws Exception {
    var builder = HttpClient.newBuilder();
    if (args.length > 1) builder.version(HttpClient.Version.valueOf(args[1]));
    var client = builder.build();
    var token = client.send(
        HttpRequest.newBuilder(URI.create(args[0] + "/latest/api/token"))
            .header("X-aws-ec2-metadata-token-ttl-seconds", "60")
            .PUT(HttpRequest.BodyPublishers.noBody())
            .build(),
        BodyHandlers.ofString());
    System.out.print(token.statusCode());
    if (token.statusCode() != 200) return;
    var region = client.send(
        HttpRequest.newBuilder(
                URI.create(args[0] + "/latest/meta-data/placement/region"))
            .header("X-aws-ec2-metadata-token", token.body())
            .build(),
        BodyHandlers.ofString());
    System.out.print(" " + region.statusCode() + " " + region.body());
  }
}

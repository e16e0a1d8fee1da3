// Two rewriting proxies on node:http.
// Usage: node node_proxy.mjs original|minimal PORT UPSTREAM_PORT
//   original  as c2s-instance-metadata does it: a line of log for each request,
//             neither status nor header fields of the answer
//   minimal   the least that keeps both
import http from "node:http";
import process from "node:process";

const [kind, port, upstream] = process.argv.slice(2);
const real = /us-east-1/g;

http.createServer((request, response) => {
  const { url, method, headers } = request;
  const options = {
    host: "127.0.0.1",
    port: upstream,
    path: url,
    method,
    headers,
  };
  const forwarded = http.request(options, (answer) => {
    if (kind === "original") process.stdout.write(`Forwarding ${url}\n`);
    const chunks = [];
    answer.on("data", (chunk) => chunks.push(chunk));
    answer.on("end", () => {
      const body = Buffer.concat(chunks).toString("utf8")
        .replace(real, "us-iso-east-1");
      if (kind === "minimal") {
        const kept = { ...answer.headers };
        delete kept.connection;
        delete kept["transfer-encoding"];
        kept["content-length"] = Buffer.byteLength(body);
        response.writeHead(answer.statusCode, kept);
      }
      response.end(body);
    });
  });
  forwarded.on("error", () => response.destroy());
  request.pipe(forwarded);
}).listen(Number(port), "127.0.0.1");

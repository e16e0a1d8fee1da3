import { STATUS_TEXT } from "@std/http/status";

/**
 * The page the EC2 metadata service sends with 400, 401 and 404: XHTML that
 * calls itself iso-8859-1, with status code and phrase for title and heading
 * (datadog-agent#4857 has a 401, ndbench#47 a 404).
 *
 * @param status the status code
 */
export function ec2ErrorPage(status: 400 | 401 | 404): string {
  const heading = `${status} - ${STATUS_TEXT[status]}`;
  return `<?xml version="1.0" encoding="iso-8859-1"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
    "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
  <head><title>${heading}</title></head>
  <body><h1>${heading}</h1></body>
</html>
`;
}

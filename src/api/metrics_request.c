/* SPDX-License-Identifier: Apache-2.0 */
#include "api/metrics_request.h"

#include <string.h>
#include <strings.h>

/* Borrowed bytes. */
struct span {
        const char *at;
        size_t len;
};

struct parse {
        struct metrics_request *request;
        const char *data;
        size_t len;
        size_t pos; /* where the next line begins */
        bool http11;
        bool is_metrics;
        unsigned hosts;
        bool has_length;
        bool has_body;
};

enum line_result { LINE_COMPLETE, LINE_PARTIAL, LINE_BAD };

/* RFC 9110 section 5.6.2 */
static bool is_token_char(unsigned char c)
{
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
               (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token(struct span s)
{
        for (size_t i = 0; i < s.len; i++)
                if (!is_token_char((unsigned char)s.at[i]))
                        return false;
        return s.len > 0;
}

static bool equals(struct span s, const char *text)
{
        return s.len == strlen(text) && memcmp(s.at, text, s.len) == 0;
}

static bool equals_nocase(struct span s, const char *text)
{
        return s.len == strlen(text) && strncasecmp(s.at, text, s.len) == 0;
}

/* Without the blanks around it (OWS, RFC 9110 section 5.6.3). */
static struct span trim(struct span s)
{
        for (; s.len > 0 && (s.at[0] == ' ' || s.at[0] == '\t'); s.at++)
                s.len--;
        while (s.len > 0 && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
                s.len--;
        return s;
}

/* Cut off what stands before @separator, or all; *rest is what follows. False: there was nothing left. */
static bool next_part(struct span *rest, char separator, struct span *ret)
{
        const char *end;

        if (!rest->at)
                return false;
        end = memchr(rest->at, separator, rest->len);
        *ret = (struct span){ rest->at, end ? (size_t)(end - rest->at) : rest->len };
        if (end)
                *rest = (struct span){ end + 1, rest->len - ret->len - 1 };
        else
                *rest = (struct span){ NULL, 0 };
        return true;
}

/* The line at p->pos, without its CRLF. No control character but HTAB may stand in one. */
static enum line_result next_line(struct parse *p, struct span *ret)
{
        for (size_t i = p->pos; i < p->len; i++) {
                unsigned char c = (unsigned char)p->data[i];

                if (c == '\r' && i + 1 == p->len)
                        return LINE_PARTIAL;
                if (c == '\r' && p->data[i + 1] == '\n') {
                        *ret = (struct span){ p->data + p->pos, i - p->pos };
                        p->pos = i + 2;
                        return LINE_COMPLETE;
                }
                if ((c < 0x20 && c != '\t') || c == 0x7f)
                        return LINE_BAD;
        }
        return LINE_PARTIAL;
}

static void refuse(struct parse *p, unsigned status)
{
        p->request->status = status;
        p->request->close = true;
}

/* "/metrics", with or without a query; or a whole URI, which a server must take as well (RFC 9112 section 3.2.2). */
static bool names_metrics(struct span target)
{
        static const char scheme[] = "http://";
        const char *query;

        if (target.len >= sizeof(scheme) - 1 &&
            strncasecmp(target.at, scheme, sizeof(scheme) - 1) == 0) {
                const char *authority = target.at + sizeof(scheme) - 1;
                size_t rest = target.len - (sizeof(scheme) - 1);
                const char *path = memchr(authority, '/', rest);

                if (!path)
                        return false;
                target = (struct span){ path, rest - (size_t)(path - authority) };
        }
        query = memchr(target.at, '?', target.len);
        if (query)
                target.len = (size_t)(query - target.at);
        return equals(target, "/metrics");
}

/* RFC 9112 section 3: method SP request-target SP HTTP-version */
static bool take_request_line(struct parse *p, struct span line)
{
        struct span method, target, version, rest = line;

        if (!next_part(&rest, ' ', &method) || !next_part(&rest, ' ', &target) ||
            !next_part(&rest, ' ', &version) || rest.at || !is_token(method) || target.len == 0 ||
            version.len != 8 || memcmp(version.at, "HTTP/", 5) != 0 || version.at[6] != '.' ||
            version.at[5] < '0' || version.at[5] > '9' || version.at[7] < '0' ||
            version.at[7] > '9') {
                refuse(p, 400);
                return false;
        }
        for (size_t i = 0; i < target.len; i++)
                if (target.at[i] <= ' ' || target.at[i] >= 0x7f) {
                        refuse(p, 400);
                        return false;
                }
        if (version.at[5] != '1') {
                refuse(p, 505);
                return false;
        }
        p->http11 = version.at[7] >= '1';
        p->request->head = equals(method, "HEAD");
        p->request->status = !p->request->head && !equals(method, "GET") ? 405 : 200;
        p->is_metrics = names_metrics(target);
        /* Whether a connection outlives a request of HTTP/1.0 has too many answers (RFC 9112 section 9.3). */
        p->request->close = !p->http11;
        return true;
}

/*
 * A weight in thousandths (RFC 9110 section 12.4.2): "0.5" is 500. Whatever is none counts as 1000: nothing depends
 * on it but which of two texts somebody gets.
 */
static unsigned weight_of(struct span s)
{
        unsigned value = 0, unit = 1000;

        for (size_t i = 0; i < s.len; i++) {
                if (i == 1 && s.at[i] == '.')
                        continue;
                if (s.at[i] < '0' || s.at[i] > '9' || unit == 0)
                        return 1000;
                value += (unsigned)(s.at[i] - '0') * unit;
                unit /= 10;
        }
        return s.len == 0 || value > 1000 ? 1000 : value;
}

/* OpenMetrics when it is named, as version 1 if any, and not less welcome than other text. */
static enum metrics_format accept_format(struct span value)
{
        unsigned open = 0, plain = 0;
        struct span range, param;

        while (next_part(&value, ',', &range)) {
                unsigned weight = 1000;
                bool known = true;
                struct span type = { NULL, 0 };

                (void)next_part(&range, ';', &type);
                while (next_part(&range, ';', &param)) {
                        param = trim(param);
                        if (param.len > 2 && strncasecmp(param.at, "q=", 2) == 0)
                                weight = weight_of((struct span){ param.at + 2, param.len - 2 });
                        else if (param.len > 8 && strncasecmp(param.at, "version=", 8) == 0)
                                known = param.at[8] == '1';
                }
                type = trim(type);
                if (equals_nocase(type, "application/openmetrics-text") && known && weight > open)
                        open = weight;
                else if (equals_nocase(type, "text/plain") && weight > plain)
                        plain = weight;
        }
        return open > 0 && open >= plain ? METRICS_OPENMETRICS : METRICS_PROMETHEUS;
}

static void take_connection(struct parse *p, struct span value)
{
        struct span option;

        while (next_part(&value, ',', &option))
                if (equals_nocase(trim(option), "close"))
                        p->request->close = true;
}

/* False: refused. A length that is not a number, or two of them, leave open where the next request begins. */
static bool take_length(struct parse *p, struct span value)
{
        bool zero = true;

        for (size_t i = 0; i < value.len; i++) {
                if (value.at[i] < '0' || value.at[i] > '9')
                        value.len = 0;
                else if (value.at[i] != '0')
                        zero = false;
        }
        if (value.len == 0 || p->has_length) {
                refuse(p, 400);
                return false;
        }
        p->has_length = true;
        p->has_body = !zero;
        return true;
}

/* RFC 9112 section 5: field-name ":" OWS field-value OWS. False: refused. */
static bool take_header(struct parse *p, struct span line)
{
        struct span name, value = line;

        if (!next_part(&value, ':', &name) || !value.at || !is_token(name)) {
                refuse(p, 400);
                return false;
        }
        value = trim(value);
        if (equals_nocase(name, "Host")) {
                p->hosts++;
        } else if (equals_nocase(name, "Connection")) {
                take_connection(p, value);
        } else if (equals_nocase(name, "Accept")) {
                p->request->format = accept_format(value);
        } else if (equals_nocase(name, "Content-Length")) {
                return take_length(p, value);
        } else if (equals_nocase(name, "Transfer-Encoding")) {
                /* What is not "chunked" we do not know (RFC 9112 section 6.1); a body we do not take. */
                refuse(p, equals_nocase(value, "chunked") ? 413 : 501);
                return false;
        }
        return true;
}

/* The header block is complete. */
static void decide(struct parse *p)
{
        if (p->hosts > 1 || (p->http11 && p->hosts == 0))
                refuse(p, 400); /* RFC 9112 section 3.2 */
        else if (p->has_body)
                refuse(p, p->request->status == 200 ? 413 : p->request->status);
        else if (!p->is_metrics)
                p->request->status = p->request->status == 200 ? 404 : p->request->status;
}

/* @data has no complete request. Can it still become one? */
static size_t partial(struct parse *p, bool had_line)
{
        /* A client that speaks something else (TLS, HTTP/2's preface goes on) shall not wait for our patience to end. */
        if (!had_line)
                for (size_t i = p->pos; i < p->len && p->data[i] != ' ' && p->data[i] != '\r'; i++)
                        if (!is_token_char((unsigned char)p->data[i])) {
                                refuse(p, 400);
                                return p->len;
                        }
        if (p->len < METRICS_REQUEST_MAX)
                return 0;
        refuse(p, had_line ? 431 : 414);
        return p->len;
}

size_t metrics_request_parse(const char *data, size_t len, struct metrics_request *ret)
{
        struct metrics_request request = { .status = 0 };
        struct parse p = { .request = &request,
                           .data = data,
                           .len = len < METRICS_REQUEST_MAX ? len : METRICS_REQUEST_MAX };
        enum line_result r;
        struct span line;
        bool had_line = false;
        size_t used = 0;

        while ((r = next_line(&p, &line)) == LINE_COMPLETE) {
                if (!had_line && line.len == 0)
                        continue; /* an empty line in front is forgiven (RFC 9112 section 2.2) */
                if (had_line && line.len == 0) {
                        decide(&p);
                        used = p.pos;
                        break;
                }
                if (!(had_line ? take_header(&p, line) : take_request_line(&p, line))) {
                        used = p.len;
                        break;
                }
                had_line = true;
        }
        if (r == LINE_BAD) {
                refuse(&p, 400);
                used = p.len;
        } else if (r == LINE_PARTIAL) {
                used = partial(&p, had_line);
        }
        if (used > 0)
                *ret = request;
        return used;
}

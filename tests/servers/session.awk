# SPDX-License-Identifier: Apache-2.0
#
# session.awk - reads a PostgreSQL log of all statements (log_line_prefix
# '%p %u %a ', log_statement all) and tells each of Larder's that leaves
# something behind in its session, or runs outside a transaction. A pooler in
# transaction mode would hand that on to strangers.
#
# With pooled=1 the log is of a server behind pgbouncer, which sends SETs of its
# own for the five settings it keeps for each client.

# A statement may have many lines; those after the first begin with a tab.
/^\t/ {
    if (statement != "")
        statement = statement "\n" substr($0, 2)
    next
}
{
    judge()
    statement = ""
}
$3 == "larder" && $4 == "LOG:" && /  (statement|execute [^:]*): / {
    process = $1
    name = $5 == "execute" ? $6 : ""
    statement = $0
    sub(/^.*  (statement|execute [^:]*): /, "", statement)
}
END {
    judge()
    if (n_judged == 0) {
        print "the log has no statement of larder's"
        exit 1
    }
    print n_judged " statements"
    exit bad
}

function refuse(why) {
    print why ": " statement
    bad = 1
}

# Texts and bodies of functions are no statements.
function judge(    text, pieces, n, i) {
    if (statement == "")
        return
    if (name != "" && name != "<unnamed>:")
        refuse("a prepared statement")
    text = statement
    gsub(/'[^']*'/, "''", text)
    gsub(/\$\$[^$]*\$\$/, "''", text)
    gsub(/[ \t\n]+/, " ", text)
    n = split(toupper(text), pieces, /;/)
    for (i = 1; i <= n; i++) {
        sub(/^ +/, "", pieces[i])
        sub(/ +$/, "", pieces[i])
        if (pieces[i] != "")
            judge_piece(pieces[i])
    }
}

function is_pooler(piece) {
    return pooled && piece ~ /^SET (APPLICATION_NAME|CLIENT_ENCODING|DATESTYLE|TIMEZONE|STANDARD_CONFORMING_STRINGS)=''$/
}

function judge_piece(piece) {
    if (is_pooler(piece))
        return
    n_judged++
    if (piece ~ /^(BEGIN|START TRANSACTION)/)
        inside[process] = 1
    else if (!inside[process] && piece !~ /^(ROLLBACK|COMMIT)/)
        refuse("outside a transaction")
    if (piece ~ /^(COMMIT|ROLLBACK|END|ABORT)( |$)/ && piece !~ / TO /)
        inside[process] = 0
    if (piece ~ /^SET / && piece !~ /^SET (LOCAL|TRANSACTION|CONSTRAINTS) /)
        refuse("SET without LOCAL")
    if (piece ~ /^(RESET|DISCARD|PREPARE|EXECUTE|DEALLOCATE|LISTEN|UNLISTEN|LOAD)( |$)/)
        refuse("a session's state")
    if (piece ~ /ADVISORY_(LOCK|UNLOCK)|TRY_ADVISORY_LOCK/)
        refuse("a session's lock")
    if (piece ~ /SET_CONFIG\([^)]*FALSE/)
        refuse("set_config for the session")
    if (piece ~ /WITH HOLD/)
        refuse("a cursor that is held")
    if (piece ~ /(CREATE|INTO) ((GLOBAL|LOCAL) )?TEMP(ORARY)? / && piece !~ /ON COMMIT DROP/)
        refuse("a temporary object that stays")
}

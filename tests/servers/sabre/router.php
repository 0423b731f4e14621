<?php
// sabre/dav 1.8 behind PHP's built-in server: one user, one address book, all in one SQLite file.
error_reporting(E_ALL & ~E_DEPRECATED & ~E_NOTICE & ~E_WARNING);
ini_set('display_errors', '0');
date_default_timezone_set('UTC');
require_once 'Sabre/autoload.php';

$user = getenv('SABRE_USER');
$pdo = new PDO('sqlite:' . getenv('SABRE_DATABASE'));
$pdo->setAttribute(PDO::ATTR_ERRMODE, PDO::ERRMODE_EXCEPTION);
if (!$pdo->query("SELECT 1 FROM sqlite_master WHERE name = 'users'")->fetch()) {
    $pdo->beginTransaction();
    $pdo->exec('CREATE TABLE addressbooks (id integer primary key, principaluri text, displayname text, uri text,
                description text, ctag integer)');
    $pdo->exec('CREATE TABLE cards (id integer primary key, addressbookid integer, carddata blob, uri text,
                lastmodified integer)');
    $pdo->exec('CREATE TABLE principals (id integer primary key, uri text, email text, displayname text, vcardurl text)');
    $pdo->exec('CREATE TABLE groupmembers (id integer primary key, principal_id integer, member_id integer)');
    $pdo->exec('CREATE TABLE users (id integer primary key, username text, digesta1 text)');
    $add = $pdo->prepare('INSERT INTO principals (uri, displayname) VALUES (?, ?)');
    $add->execute(['principals/' . $user, 'Owner']);
    $add = $pdo->prepare('INSERT INTO users (username, digesta1) VALUES (?, ?)');
    $add->execute([$user, md5($user . ':SabreDAV:' . getenv('SABRE_PASSWORD'))]);
    $add = $pdo->prepare("INSERT INTO addressbooks (principaluri, displayname, uri, ctag) VALUES (?, 'Contacts', 'contacts', 1)");
    $add->execute(['principals/' . $user]);
    $pdo->commit();
}

$principals = new Sabre\DAVACL\PrincipalBackend\PDO($pdo);
$server = new Sabre\DAV\Server([
    new Sabre\DAVACL\PrincipalCollection($principals),
    new Sabre\CardDAV\AddressBookRoot($principals, new Sabre\CardDAV\Backend\PDO($pdo)),
]);
$server->setBaseUri('/');
$server->addPlugin(new Sabre\DAV\Auth\Plugin(new Sabre\DAV\Auth\Backend\PDO($pdo), 'SabreDAV'));
$server->addPlugin(new Sabre\CardDAV\Plugin());
$server->addPlugin(new Sabre\DAVACL\Plugin());
$server->exec();

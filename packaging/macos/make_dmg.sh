#!/bin/sh
# Makes a .dmg of "dist/Coreset Studio.app", with a read-me and all licences. NOT RUN ON MACOS: no such machine was at hand
# when this was written.
#
# Signing and notarising want an Apple developer identity; without IDENTITY the image is unsigned and macOS asks the user to
# allow it under System Settings, Privacy & Security.
#   IDENTITY="Developer ID Application: …" PROFILE=notary-profile sh packaging/macos/make_dmg.sh
set -eu
cd "$(dirname "$0")/../.."
VERSION=$(python -c 'from coreset_studio.core.version import __version__; print(__version__)')
if [ "$(uname -m)" != arm64 ]; then
    echo "This Mac is $(uname -m); expected arm64. The program runs on Apple silicon only, so build it there." >&2
    exit 1
fi
APP="dist/Coreset Studio.app"
DMG="dist/coreset-studio-$VERSION-macos-$(uname -m).dmg"
if [ -n "${IDENTITY:-}" ]; then
    codesign --force --deep --options runtime --timestamp --entitlements packaging/macos/entitlements.plist --sign "$IDENTITY" "$APP"
    codesign --verify --deep --strict "$APP"
fi
STAGE=$(mktemp -d)
cp -R "$APP" "$STAGE/"
ln -s /Applications "$STAGE/Applications"
cp packaging/macos/read_me.txt "$STAGE/Read me.txt"
cp -R dist/coreset-studio/licences "$STAGE/Licences"
hdiutil create -volname "Coreset Studio" -srcfolder "$STAGE" -ov -format UDZO "$DMG"
rm -rf "$STAGE"
if [ -n "${IDENTITY:-}" ] && [ -n "${PROFILE:-}" ]; then
    codesign --force --timestamp --sign "$IDENTITY" "$DMG"
    xcrun notarytool submit "$DMG" --keychain-profile "$PROFILE" --wait
    xcrun stapler staple "$DMG"
fi
echo "$DMG"

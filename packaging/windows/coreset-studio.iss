; Inno Setup script for Windows. UNTESTED: no Windows machine was at hand when this was written.
; The workflow in .github/workflows/package.yml runs it as: iscc /DVersion=0.1.0 packaging\windows\coreset-studio.iss
#ifndef Version
  #error Give the version: iscc /DVersion=x.y.z
#endif

[Setup]
AppId={{6E1D8C0B-7C0B-4C3B-9B57-2F6D1F0F8A11}
AppName=Coreset Studio
AppVersion={#Version}
AppPublisher=The developers of Coreset Studio
DefaultDirName={autopf}\Coreset Studio
DefaultGroupName=Coreset Studio
; Per user without rights, or per machine when started as administrator; the first page asks.
PrivilegesRequired=lowest
PrivilegesRequiredOverridesAllowed=dialog
OutputDir=..\..\dist
OutputBaseFilename=coreset-studio-{#Version}-windows-x86_64
Compression=lzma2/max
SolidCompression=yes
ArchitecturesAllowed=x64compatible
ArchitecturesInstallIn64BitMode=x64compatible
LicenseFile=..\..\LICENSE
ChangesAssociations=yes
UninstallDisplayIcon={app}\coreset-studio.exe
WizardStyle=modern

[Files]
Source: "..\..\dist\coreset-studio\*"; DestDir: "{app}"; Flags: recursesubdirs createallsubdirs ignoreversion

[Icons]
Name: "{group}\Coreset Studio"; Filename: "{app}\coreset-studio.exe"
Name: "{autodesktop}\Coreset Studio"; Filename: "{app}\coreset-studio.exe"; Tasks: desktopicon

[Tasks]
Name: desktopicon; Description: "{cm:CreateDesktopIcon}"; Flags: unchecked

[Registry]
Root: HKA; Subkey: "Software\Classes\.coreset"; ValueType: string; ValueData: "CoresetStudio.Project"; Flags: uninsdeletevalue
Root: HKA; Subkey: "Software\Classes\CoresetStudio.Project"; ValueType: string; ValueData: "Coreset Studio project"; Flags: uninsdeletekey
Root: HKA; Subkey: "Software\Classes\CoresetStudio.Project\DefaultIcon"; ValueType: string; ValueData: "{app}\coreset-studio.exe,0"
Root: HKA; Subkey: "Software\Classes\CoresetStudio.Project\shell\open\command"; ValueType: string; ValueData: """{app}\coreset-studio.exe"" ""%1"""

[Run]
Filename: "{app}\coreset-studio.exe"; Description: "{cm:LaunchProgram,Coreset Studio}"; Flags: nowait postinstall skipifsilent
